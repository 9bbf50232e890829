"""The colour of what the time of attempts went into: the same on all cards."""

from __future__ import annotations

from hpcopt.analysis.plotly.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY
from hpcopt.core.trials.cost import Use

#: Success and what stopped early are cool, what was wasted is warm.
COLOR_OF_USE = {
    Use.SUCCESS: GREEN,
    Use.EARLY_STOPPED: SKY,
    Use.RUNNING: BLUE,
    Use.FAILED: RED,
    Use.TIME: ORANGE,
    Use.MEMORY: PURPLE,
    Use.INFRASTRUCTURE: "#882255",
    Use.USER: GREY,
}

#: The time in the queue.
QUEUED = "rgba(138, 138, 138, 0.45)"

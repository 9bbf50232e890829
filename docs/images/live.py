"""Draw live.svg: the live view of a run, once half of its trials have ended.

Usage: python docs/images/live.py CONFIG, with an experiment that has not begun. The run
stops then.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from typing_extensions import override

from hpcopt.cli.main import command_line
from hpcopt.cli.views import live
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.driver.progress import DriverProgress

WIDTH = 72


class Drawn(live.LiveView):
    """Keeps what is on the screen as a picture, and ends the run."""

    @override
    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        super().observe(experiment, progress)
        n_ended = len(experiment.completed_trials())
        is_half_way = n_ended * 2 >= self._limits.max_trials
        if not (is_half_way and experiment.count(TrialStatus.RUNNING)):
            return
        console = Console(
            record=True, width=WIDTH, file=io.StringIO(), force_terminal=True
        )
        console.print(self.draw())
        svg = console.export_svg(title=f"hpcopt run: {experiment.name}")
        # The fonts of the reader's system, not of somebody's server.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        Path(__file__).with_name("live.svg").write_text(
            svg.replace("Fira Code", "monospace")
        )
        raise KeyboardInterrupt


if __name__ == "__main__":
    live.LiveView = Drawn  # type: ignore[misc]
    sys.stdout.isatty = lambda: True  # type: ignore[method-assign]
    command_line(["run", sys.argv[1], "--local"], prog_name="hpcopt")

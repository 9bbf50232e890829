"""How often the scheduler was asked, and what for."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.cluster.attempts import duration, why_without_attempts
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, figure, plain
from hpcopt.core.trials.cost import attempts_of

#: A driver that begins makes many calls in little time: before, there is no rate.
_SECONDS_OF_A_RATE = 60.0

#: More calls for each attempt come of polls, or of submissions one by one.
_MANY_PER_ATTEMPT = 10


class SchedulerCalls(Analysis):
    """The calls of Slurm's commands of all drivers, as they have told."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        why = why_without_attempts(experiment)
        if experiment is None or why is not None:
            return why
        if not experiment.core.driver_activity.calls.total():
            runner = experiment.core.settings.get("runner")
            if runner == "slurm":
                return "No driver has told of its calls yet: they do from time to time."
            return "No scheduler was called: the trials' runner is not Slurm's."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        core = required(experiment).core
        calls = core.driver_activity.calls
        seconds = core.driver_activity.seconds(core.last_event_time)
        minutes = seconds / 60 if seconds >= _SECONDS_OF_A_RATE else float("nan")
        df = pd.DataFrame(calls.most_common(), columns=["command", "n_calls"])
        df["per_minute"] = df["n_calls"] / minutes
        n_attempts = sum(1 for _ in attempts_of(core.trials))
        bars = go.Bar(
            x=[plain(command) for command in df["command"]],
            y=df["n_calls"].to_numpy(),
            marker={"color": BLUE},
            text=df["n_calls"].map("{:,}".format),
            textposition="auto",
            hovertemplate="%{x}: %{y:,} calls<extra></extra>",
        )
        return create_plotly_analysis_card(
            type(self).__name__,
            "Calls of the Scheduler",
            _subtitle(calls.total(), n_attempts, seconds),
            df,
            figure([bars], x="command", y="calls"),
        )


def _subtitle(n_calls: int, n_attempts: int, seconds: float) -> str:
    rate = (
        f", {60 * n_calls / seconds:.3g} a minute"
        if seconds >= _SECONDS_OF_A_RATE
        else ""
    )
    per_attempt = n_calls / n_attempts
    is_many = per_attempt > _MANY_PER_ATTEMPT
    end = (
        "most are polls, of which a longer initial_seconds_between_polls makes fewer."
        if is_many
        else "they are few."
    )
    return (
        f"{n_calls:,} calls within the {duration(seconds)} that drivers ran{rate}, "
        f"{per_attempt:.2g} for each of {n_attempts:,} attempts: {end} Not known are "
        "the last ones of a driver that was killed, and those of other commands."
    )

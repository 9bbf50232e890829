"""What did early stopping save, or what would it have saved?"""

from __future__ import annotations

from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.learning_curves import curves_of, replayed_share, saved_share
from hpcopt.core.trials.trial import TrialStatus


class EarlyStoppingAnalysis(Analysis):
    """How many trials were stopped early, and the steps that it saved or would save."""

    def __init__(
        self,
        early_stopping_strategy: Any = None,
        min_savings_threshold: float = 0.1,
        max_pending_trials: int = 5,
        auto_early_stopping_config: str | None = None,
        nudge_additional_info: str | None = None,
    ) -> None:
        """Choose what is told.

        Args:
            early_stopping_strategy: What stops trials, if anything does.
            min_savings_threshold: Smaller shares that could be saved are not told.
            max_pending_trials: For scripts that were written for Ax: the replay takes
                one trial after the other.
            auto_early_stopping_config: ``"disabled"`` where nothing shall be stopped:
                then what could be saved is not told.
            nudge_additional_info: What to add where much could be saved.
        """
        self.early_stopping_strategy = early_stopping_strategy
        self.min_savings_threshold = min_savings_threshold
        self.max_pending_trials = max_pending_trials
        self.auto_early_stopping_config = auto_early_stopping_config
        self.nudge_additional_info = nudge_additional_info

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        why = why_without_data(experiment)
        if experiment is None or why is not None:
            return why
        if not _first_metric(experiment):
            return "No value was told with a step (progression=…), so nothing can stop."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        metric = _first_metric(view)
        curves = curves_of(view, metric)
        n_stopped = len(view.trial_indices_by_status[TrialStatus.EARLY_STOPPED])
        if n_stopped or self.early_stopping_strategy is not None:
            saved = saved_share(view, curves)
            of = f"{n_stopped} of {len(curves)} trials were stopped early"
            card = (
                "Capacity savings due to early stopping",
                f"{of}. It saved {saved:.0%} of all steps, if they had gone on for as "
                "long as completed ones do.",
                HealthcheckStatus.INFO,
            )
        else:
            is_low = view.metrics[metric].lower_is_better is not False
            saved = replayed_share(curves, is_minimised=is_low)
            is_told = (
                saved >= self.min_savings_threshold
                and self.auto_early_stopping_config != "disabled"
                and view.core.goals.is_single
                and not view.core.goals.constraints
            )
            advice = (
                f"Stopping what is worse than the median of {metric} would have saved "
                f"{saved:.0%} of all steps"
            )
            more = self.nudge_additional_info
            card = (
                "Early stopping",
                f"No trial was stopped early. {advice}.{f' {more}' if more else ''}",
                HealthcheckStatus.WARNING if is_told else HealthcheckStatus.PASS,
            )
        title, subtitle, status = card
        df = pd.DataFrame(
            [
                ("Early Stopped Trials", str(n_stopped)),
                ("Trials with Curves", str(len(curves))),
                ("Metric", metric),
                ("Estimated Savings", f"{saved:.0%}"),
            ],
            columns=["Property", "Value"],
        )
        return create_healthcheck_analysis_card(
            type(self).__name__, title, subtitle, df, status, savings=saved
        )


def _first_metric(view: ExperimentView) -> str:
    """Return the metric that decides: the first of the goals with curves, or of all.

    Empty if none has any.
    """
    names = dict.fromkeys([*view.core.goals.metric_names, *view.metrics])
    return next((name for name in names if curves_of(view, name)), "")

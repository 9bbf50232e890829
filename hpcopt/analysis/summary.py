"""The table of trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_trials
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.trial_table import trial_table
from hpcopt.core.trials.trial import TrialStatus


class Summary(Analysis):
    """One row a trial: how it ended, its metrics, its parameters."""

    def __init__(
        self,
        trial_indices: Iterable[int] | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        omit_empty_columns: bool = True,
    ) -> None:
        """Choose the trials.

        Args:
            trial_indices: Only these.
            trial_statuses: Only trials with one of these statuses; all by default.
            omit_empty_columns: Whether columns without any value are left out.
        """
        self.trial_indices = None if trial_indices is None else list(trial_indices)
        self.trial_statuses = trial_statuses
        self.omit_empty_columns = omit_empty_columns

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_trials(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        core = required(experiment).core
        df = trial_table(
            core,
            self.trial_indices,
            self.trial_statuses,
            omit_empty_columns=self.omit_empty_columns,
        )
        counts = [
            f"{core.count(status)} {status.name.lower().replace('_', ' ')}"
            for status in TrialStatus
            if core.count(status)
        ]
        return self._create_analysis_card(
            title=f"Summary for {core.name}",
            subtitle=(
                "Every trial with its status, how it was proposed, its metrics and its "
                f"parameters. Of {core.n_trials} trials, {', '.join(counts)}."
            ),
            df=df,
        )

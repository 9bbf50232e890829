"""What came out so far."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.best_trials import BestTrials
from hpcopt.analysis.card import AnalysisCardBase, AnalysisCardGroup
from hpcopt.analysis.experiment import Arm, ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.arm_effects import ArmEffectsPlot
from hpcopt.analysis.plotly.progression import ProgressionPlot, metrics_with_steps
from hpcopt.analysis.plotly.scatter import ScatterPlot
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.summary import Summary
from hpcopt.core.trials.trial import TrialStatus


class ResultsAnalysis(Analysis):
    """The metrics of all arms, the trade-offs, the best so far, and all trials."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_data(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        objectives, constraints = objective_metrics(view), constraint_metrics(view)
        of = (view, generation_strategy, adapter)
        pairs = ArmEffectsPair([*objectives, *constraints]).compute_or_error_card(*of)
        trade_offs = [
            ScatterPlot(x, y, show_pareto_frontier=_have_direction(view, x, y))
            for x, y in combinations(objectives, 2)
        ]
        beside_constraints = [
            ScatterPlot(x, y) for x in objectives for y in constraints
        ]
        curves = [
            ProgressionPlot(name, by_wallclock_time=by_time)
            for name in metrics_with_steps(view)
            for by_time in (False, True)
        ]
        children: list[AnalysisCardBase] = [
            pairs,
            AnalysisCardGroup(
                "Objective Scatter Plots",
                "Objectives against each other",
                "What is gained in one objective and lost in another.",
                compute_all(trade_offs, *of),
            ),
            AnalysisCardGroup(
                "Constraint Scatter Plots",
                "Objectives against constraints",
                "How much of an objective a constraint costs.",
                compute_all(beside_constraints, *of),
            ),
            *compute_all([UtilityProgressionAnalysis()], *of),
            AnalysisCardGroup(
                "ProgressionAnalysis",
                "Learning curves",
                "How each trial's metrics went as it progressed.",
                compute_all(curves, *of),
            ),
            *compute_all([BestTrials(), Summary()], *of),
        ]
        return self._create_analysis_card_group(
            "Results",
            "What came out so far: each metric at each arm, the trade-offs between "
            "them, and the best.",
            children,
        )


class ArmEffectsPair(Analysis):
    """Each metric at each arm: what the model says beside what was observed."""

    def __init__(
        self,
        metric_names: Sequence[str] | None = None,
        relativize: bool = False,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        additional_arms: Sequence[Arm] | None = None,
        label: str | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            metric_names: The metrics; all by default.
            relativize: Whether values are shown relative to the baseline's.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
            additional_arms: Arms without a trial, of which the model is asked too.
            label: What to call the metric.
        """
        self.metric_names = metric_names
        self.relativize = relativize
        self.trial_index = trial_index
        self.trial_statuses = trial_statuses
        self.additional_arms = additional_arms
        self.label = label

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        of = (view, generation_strategy, adapter)
        names = view.metrics if self.metric_names is None else self.metric_names
        pairs = [
            AnalysisCardGroup(
                f"ArmEffects Pair {name}",
                self.label or name,
                None,
                compute_all([self._plot(name, True), self._plot(name, False)], *of),
            )
            for name in names
        ]
        return self._create_analysis_card_group(
            "Metrics at each arm",
            "What the model says, beside what was observed.",
            pairs,
        )

    def _plot(self, name: str, use_model_predictions: bool) -> ArmEffectsPlot:
        return ArmEffectsPlot(
            name,
            use_model_predictions,
            self.relativize,
            self.trial_index,
            self.trial_statuses,
            self.additional_arms if use_model_predictions else None,
            label=self.label,
        )


def objective_metrics(view: ExperimentView) -> list[str]:
    """Return the metrics of the objectives, each once."""
    objectives = view.core.goals.objectives
    return list(dict.fromkeys(n for one in objectives for n in one.metric_names))


def constraint_metrics(view: ExperimentView) -> list[str]:
    """Return the metrics of the outcome constraints that no objective has."""
    constraints = view.core.goals.constraints
    names = dict.fromkeys(n for one in constraints for n in one.metric_names)
    return [name for name in names if name not in objective_metrics(view)]


def _have_direction(view: ExperimentView, *names: str) -> bool:
    """Whether it is known of each metric which values of it are better."""
    return all(view.metrics[name].lower_is_better is not None for name in names)

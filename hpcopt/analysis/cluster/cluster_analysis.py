"""What the cluster made of the experiment."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.cluster.attempt_timeline import AttemptTimeline
from hpcopt.analysis.cluster.attempts import why_without_attempts
from hpcopt.analysis.cluster.core_hours import CoreHours
from hpcopt.analysis.cluster.failures_by_node import FailuresByNode
from hpcopt.analysis.cluster.queue_wait import QueueWait
from hpcopt.analysis.cluster.resources import Resources
from hpcopt.analysis.cluster.scheduler_calls import SchedulerCalls
from hpcopt.analysis.cluster.slot_use import SlotUse
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView


class ClusterAnalysis(Analysis):
    """Time, core-hours, failures and calls of the scheduler, by the journal alone."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_attempts(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        analyses: list[Analysis] = [
            CoreHours(),
            AttemptTimeline(),
            SlotUse(),
            QueueWait(),
            FailuresByNode(),
            Resources(),
            SchedulerCalls(),
        ]
        view = required(experiment)
        return self._create_analysis_card_group(
            "Cluster",
            "What the trials cost, how the cluster was used, and where it failed.",
            compute_all(analyses, view, generation_strategy, adapter),
        )

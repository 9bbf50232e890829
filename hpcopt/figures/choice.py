"""Which cards of an experiment are figures of a paper: all that suit it."""

from __future__ import annotations

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.cluster.cluster_analysis import ClusterAnalysis
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.analysis.plotly.parallel_coordinates import ParallelCoordinatesPlot
from hpcopt.core.errors import HpcoptError
from hpcopt.core.experiment import Experiment


def cards_of(experiment: Experiment, modules: str | None = None) -> list[AnalysisCard]:
    """Return the cards that suit an experiment, in an order that stays.

    Args:
        experiment: Whose.
        modules: Where modules of the user's are looked for first, if a model is in one.
    """
    view = ExperimentView(experiment, modules)
    try:
        strategy = GenerationStrategyView(experiment)
    except HpcoptError:  # of another version; the cards that need it say so
        strategy = None
    objectives = dict.fromkeys(
        name for one in experiment.goals.objectives for name in one.metric_names
    )
    analyses: list[Analysis] = [
        OverviewAnalysis(),
        *(ParallelCoordinatesPlot(name) for name in objectives),
        ClusterAnalysis(),
    ]
    return [
        leaf
        for one in analyses
        for leaf in one.compute_or_error_card(view, strategy).flatten()
    ]

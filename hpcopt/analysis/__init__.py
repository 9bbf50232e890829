"""Analyses of an experiment: cards with a table, a figure and what to conclude.

A room of its own module paths: they are those of ``ax.analysis``. Knows experiments and
models, and no files; owner of plotly. ``models.py`` alone asks the models.
"""

from __future__ import annotations

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.best_trials import BestTrials
from hpcopt.analysis.cluster.attempt_timeline import AttemptTimeline
from hpcopt.analysis.cluster.cluster_analysis import ClusterAnalysis
from hpcopt.analysis.cluster.core_hours import CoreHours
from hpcopt.analysis.cluster.failures_by_node import FailuresByNode
from hpcopt.analysis.cluster.queue_wait import QueueWait
from hpcopt.analysis.cluster.resources import Resources
from hpcopt.analysis.cluster.scheduler_calls import SchedulerCalls
from hpcopt.analysis.cluster.slot_use import SlotUse
from hpcopt.analysis.graphviz.generation_strategy_graph import GenerationStrategyGraph
from hpcopt.analysis.graphviz.graphviz_analysis import GraphvizAnalysisCard
from hpcopt.analysis.graphviz.hierarchical_search_space_graph import (
    HierarchicalSearchSpaceGraph,
)
from hpcopt.analysis.markdown.markdown_analysis import MarkdownAnalysisCard
from hpcopt.analysis.metric_summary import MetricSummary
from hpcopt.analysis.plotly.arm_effects import ArmEffectsPlot
from hpcopt.analysis.plotly.bandit_rollout import BanditRollout
from hpcopt.analysis.plotly.constraint_feasibility import ConstraintFeasibilityPlot
from hpcopt.analysis.plotly.cross_validation import CrossValidationPlot
from hpcopt.analysis.plotly.marginal_effects import MarginalEffectsPlot
from hpcopt.analysis.plotly.p_feasible import PFeasiblePlot
from hpcopt.analysis.plotly.parallel_coordinates import ParallelCoordinatesPlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.progression import ProgressionPlot
from hpcopt.analysis.plotly.scatter import ScatterPlot
from hpcopt.analysis.plotly.sensitivity import SensitivityAnalysisPlot
from hpcopt.analysis.plotly.surface.contour import ContourPlot
from hpcopt.analysis.plotly.surface.slice import SlicePlot
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.search_space_summary import SearchSpaceSummary
from hpcopt.analysis.summary import Summary

__all__ = [
    "Analysis",
    "ArmEffectsPlot",
    "AttemptTimeline",
    "BanditRollout",
    "BestTrials",
    "ClusterAnalysis",
    "ConstraintFeasibilityPlot",
    "ContourPlot",
    "CoreHours",
    "CrossValidationPlot",
    "FailuresByNode",
    "GenerationStrategyGraph",
    "GraphvizAnalysisCard",
    "HierarchicalSearchSpaceGraph",
    "MarginalEffectsPlot",
    "MarkdownAnalysisCard",
    "MetricSummary",
    "PFeasiblePlot",
    "ParallelCoordinatesPlot",
    "PlotlyAnalysisCard",
    "ProgressionPlot",
    "QueueWait",
    "Resources",
    "ScatterPlot",
    "SchedulerCalls",
    "SearchSpaceSummary",
    "SensitivityAnalysisPlot",
    "SlicePlot",
    "SlotUse",
    "Summary",
    "TopSurfacesAnalysis",
    "UtilityProgressionAnalysis",
]

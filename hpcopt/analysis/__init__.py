"""Analyses of an experiment: cards with a table, a figure and what to conclude.

A room of its own module paths: they are those of ``ax.analysis``. Knows experiments and
models, and no files; owner of plotly. ``models.py`` alone asks the models.
"""

from __future__ import annotations

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.markdown.markdown_analysis import MarkdownAnalysisCard
from hpcopt.analysis.plotly.cross_validation import CrossValidationPlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.sensitivity import SensitivityAnalysisPlot
from hpcopt.analysis.plotly.surface.contour import ContourPlot
from hpcopt.analysis.plotly.surface.slice import SlicePlot
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.summary import Summary

__all__ = [
    "Analysis",
    "ContourPlot",
    "CrossValidationPlot",
    "MarkdownAnalysisCard",
    "PlotlyAnalysisCard",
    "SensitivityAnalysisPlot",
    "SlicePlot",
    "Summary",
    "TopSurfacesAnalysis",
    "UtilityProgressionAnalysis",
]

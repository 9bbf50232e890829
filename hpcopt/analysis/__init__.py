"""Analyses of an experiment: cards with a table, a figure and what to conclude.

A room of its own module paths: they are those of ``ax.analysis``. Knows experiments and
models, and no files; owner of plotly. ``models.py`` alone asks the models.
"""

from __future__ import annotations

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.markdown.markdown_analysis import MarkdownAnalysisCard
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.summary import Summary

__all__ = [
    "Analysis",
    "MarkdownAnalysisCard",
    "PlotlyAnalysisCard",
    "Summary",
    "UtilityProgressionAnalysis",
]

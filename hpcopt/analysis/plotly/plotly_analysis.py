"""Cards that show a figure of plotly's."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from typing_extensions import override

from hpcopt.analysis import page
from hpcopt.analysis.card import AnalysisCard


class PlotlyAnalysisCard(AnalysisCard):
    """A card whose blob is a figure as JSON."""

    def get_figure(self) -> go.Figure:
        """Return the figure."""
        return pio.from_json(self.blob)

    @override
    def body_html(self) -> str:
        return page.plot(self.blob)


def create_plotly_analysis_card(
    name: str, title: str, subtitle: str, df: pd.DataFrame, fig: go.Figure
) -> PlotlyAnalysisCard:
    """Return a card that shows a figure.

    Args:
        name: The name of the analysis' class.
        title: What it is.
        subtitle: What it shows, and what to conclude.
        df: The data behind the figure.
        fig: The figure.
    """
    return PlotlyAnalysisCard(name, title, subtitle, df, pio.to_json(fig))

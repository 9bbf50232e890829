"""Cards that show a figure of plotly's."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from typing_extensions import override

from hpcopt.analysis import page
from hpcopt.analysis.card import AnalysisCard


class PlotlyAnalysisCard(AnalysisCard):
    """A card whose blob is a figure as JSON."""

    def get_figure(self) -> go.Figure:
        """Return the figure, its numbers as arrays."""
        return go.Figure(with_arrays(json.loads(self.blob)))

    @property
    @override
    def is_wide(self) -> bool:
        return False

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


def with_arrays(value: Any) -> Any:
    """Return a figure's JSON with arrays in place of those that plotly has packed."""
    if isinstance(value, list):
        return [with_arrays(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() >= {"dtype", "bdata"}:
        packed = base64.b64decode(value["bdata"])
        array = np.frombuffer(packed, dtype=value["dtype"])
        shape = str(value.get("shape", array.size)).split(",")
        return array.reshape([int(n) for n in shape])
    return {key: with_arrays(one) for key, one in value.items()}

"""Cards of running text, in Markdown."""

from __future__ import annotations

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.text import escape


class MarkdownAnalysisCard(AnalysisCard):
    """A card whose blob is a text in Markdown."""

    def get_markdown(self) -> str:
        """Return the text."""
        return self.blob

    @override
    def body_html(self) -> str:
        # As it is written: Markdown is meant to be read so, too.
        return f"<pre>{escape(self.blob)}</pre>"


def create_markdown_analysis_card(
    name: str, title: str, subtitle: str, df: pd.DataFrame, message: str
) -> MarkdownAnalysisCard:
    """Return a card that shows a text.

    Args:
        name: The name of the analysis' class.
        title: What it is.
        subtitle: What it shows, and what to conclude.
        df: The data behind the text.
        message: The text, in Markdown.
    """
    return MarkdownAnalysisCard(name, title, subtitle, df, message)

"""Cards of graphs, which are written in Graphviz' language, DOT."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.text import escape
from hpcopt.core.errors import UsageError


class GraphvizAnalysisCard(AnalysisCard):
    """A card whose blob is a graph in DOT.

    It is shown without Graphviz, which few machines have: as ``picture``.
    """

    def __init__(
        self,
        name: str,
        title: str,
        subtitle: str,
        df: pd.DataFrame,
        blob: str,
        timestamp: datetime | None = None,
        *,
        picture: str = "",
    ) -> None:
        """Make a card.

        Args:
            name: The name of the analysis' class.
            title: What it is.
            subtitle: What it shows, and what to conclude.
            df: The data behind the graph.
            blob: The graph, in DOT.
            timestamp: When it was made; now by default.
            picture: The graph as HTML; the text of ``blob`` by default.
        """
        super().__init__(name, title, subtitle, df, blob, timestamp)
        self.picture = picture

    def get_digraph(self) -> Any:
        """Return the graph as a ``graphviz.Digraph``.

        Raises:
            UsageError: The Python package graphviz is not installed.
        """
        try:
            import graphviz
        except ImportError as exc:
            raise UsageError(
                "get_digraph: expected the package graphviz, found none; "
                "pip install graphviz"
            ) from exc
        _, *body, _ = self.blob.splitlines(keepends=True)
        return graphviz.Digraph(self.name, body=body)

    @property
    @override
    def is_wide(self) -> bool:
        return False

    @override
    def body_html(self) -> str:
        return self.picture or f"<pre>{escape(self.blob)}</pre>"


def create_graphviz_analysis_card(
    name: str,
    title: str,
    subtitle: str,
    df: pd.DataFrame,
    dot: Any,
    *,
    picture: str = "",
) -> GraphvizAnalysisCard:
    """Return a card that shows a graph.

    Args:
        name: The name of the analysis' class.
        title: What it is.
        subtitle: What it shows, and what to conclude.
        df: The data behind the graph.
        dot: The graph: a text in DOT, or a ``graphviz.Digraph``.
        picture: The graph as HTML; its text by default.
    """
    blob = dot if isinstance(dot, str) else dot.source
    return GraphvizAnalysisCard(name, title, subtitle, df, blob, picture=picture)


def digraph(name: str, statements: list[str]) -> str:
    """Return a graph in DOT."""
    body = "".join(f"\t{statement}\n" for statement in statements)
    return f"digraph {name} {{\n{body}}}\n"


def quoted(text: object) -> str:
    """Return a text as an identifier, or a label, of DOT; newlines stay."""
    # Within quotes a backslash begins an escape, and HTML is not read.
    safe = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{safe}"'

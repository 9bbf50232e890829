"""Cards: what an analysis gives, to be looked at and to be read by programs.

A card is a leaf, with a table and something to show, or a group of cards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import pandas as pd
from typing_extensions import override

from hpcopt.analysis import page
from hpcopt.analysis.text import escape

#: A table of more columns has a row of a page for itself.
_MOST_COLUMNS = 5


class AnalysisCardBase(ABC):
    """A card or a group of cards."""

    def __init__(
        self, name: str, title: str, subtitle: str, timestamp: datetime | None = None
    ) -> None:
        """Make a card.

        Args:
            name: The name of the analysis' class, such as ``"Summary"``.
            title: What it is.
            subtitle: What it shows, and what to conclude.
            timestamp: When it was made; now by default.
        """
        self.name = name
        self.title = title
        self.subtitle = subtitle
        self._timestamp = datetime.now() if timestamp is None else timestamp

    @abstractmethod
    def flatten(self) -> list[AnalysisCard]:
        """Return the leaves, in order; of a leaf, itself."""

    @abstractmethod
    def hierarchy_str(self, level: int = 0) -> str:
        """Return the tree of names and titles, one a line, indented by ``level``."""

    @abstractmethod
    def to_html(self) -> str:
        """Return it as a part of a page, in which the scripts and the style are."""

    def _repr_html_(self) -> str:
        return page.fragment(self.to_html())

    def _ipython_display_(self) -> None:
        page.show(self.to_html())

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, title={self.title!r})"


class AnalysisCardGroup(AnalysisCardBase):
    """An ordered collection of cards, of which empty groups are left out."""

    def __init__(
        self,
        name: str,
        title: str,
        subtitle: str | None,
        children: Sequence[AnalysisCardBase],
        timestamp: datetime | None = None,
    ) -> None:
        super().__init__(name, title, subtitle or "", timestamp)
        self.children: list[AnalysisCardBase] = [
            child
            for child in children
            if not isinstance(child, AnalysisCardGroup) or child.children
        ]

    @override
    def flatten(self) -> list[AnalysisCard]:
        return [leaf for child in self.children for leaf in child.flatten()]

    @override
    def hierarchy_str(self, level: int = 0) -> str:
        below = [child.hierarchy_str(level + 1) for child in self.children]
        return "\n".join([f"{'    ' * level}{self.name}", *below])

    @override
    def to_html(self) -> str:
        parts = []
        for is_narrow, children in groupby(self.children, _is_narrow):
            inner = [child.to_html() for child in children]
            parts += [page.grid(inner)] if is_narrow else inner
        return page.group(self.title, self.subtitle, parts)


class AnalysisCard(AnalysisCardBase):
    """A table, and what is shown of it: here the table itself."""

    def __init__(
        self,
        name: str,
        title: str,
        subtitle: str,
        df: pd.DataFrame,
        blob: str,
        timestamp: datetime | None = None,
    ) -> None:
        """Make a card.

        Args:
            name: The name of the analysis' class, such as ``"Summary"``.
            title: What it is.
            subtitle: What it shows, and what to conclude.
            df: Its data.
            blob: What is shown, as a text; of what kind says the subclass.
            timestamp: When it was made; now by default.
        """
        super().__init__(name, title, subtitle, timestamp)
        self.df = df
        self.blob = blob

    @override
    def flatten(self) -> list[AnalysisCard]:
        return [self]

    @override
    def hierarchy_str(self, level: int = 0) -> str:
        return f"{'    ' * level}{self.title}"

    @override
    def to_html(self) -> str:
        return page.card(self.title, self.subtitle, self.body_html())

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width of a page."""
        return len(self.df.columns) > _MOST_COLUMNS

    def body_html(self) -> str:
        """Return what is shown below the title."""
        return page.table(self.df)


class ErrorAnalysisCard(AnalysisCard):
    """What is in the place of a card that could not be made; the blob says why."""

    @override
    def body_html(self) -> str:
        return f"<pre>{escape(self.blob)}</pre>"


class NotApplicableStateAnalysisCard(AnalysisCard):
    """What is in the place of a card whose time has not come; the blob says why."""

    @override
    def body_html(self) -> str:
        return f"<p>{escape(self.blob)}</p>"


def _is_narrow(card: AnalysisCardBase) -> bool:
    return isinstance(card, AnalysisCard) and not card.is_wide

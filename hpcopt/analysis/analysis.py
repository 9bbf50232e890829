"""Analyses: what computes cards, and what users subclass for cards of their own."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from hpcopt.analysis import page
from hpcopt.analysis.card import (
    AnalysisCard,
    AnalysisCardBase,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.errors import HpcoptError

__all__ = [
    "Analysis",
    "AnalysisCard",
    "AnalysisCardBase",
    "AnalysisCardGroup",
    "AnalysisNotApplicableStateError",
    "ErrorAnalysisCard",
    "NotApplicableStateAnalysisCard",
    "compute_all",
    "display_cards",
]

logger = logging.getLogger(__name__)

_NOT_YET = (
    "This analysis has nothing to show yet. It will be there once the experiment has "
    "what it needs."
)


class AnalysisNotApplicableStateError(HpcoptError):
    """The time of an analysis has not come; the message says what it waits for."""


@dataclass(frozen=True)
class AnalysisOutcome:
    """What computing an analysis gave: a card, or the error in its place."""

    card: AnalysisCardBase | None = None
    error: Exception | None = None

    def is_ok(self) -> bool:
        """Whether there is a card."""
        return self.error is None

    def unwrap(self) -> AnalysisCardBase:
        """Return the card; raise what was raised if there is none."""
        if self.error is not None:
            raise self.error
        assert self.card is not None
        return self.card


@runtime_checkable
class Analysis(Protocol):
    """Computes a card, or a group of cards, of an experiment.

    A subclass writes ``compute``, and ``validate_applicable_state`` where its time may
    not have come. What it is about (which metric, which parameters) is told to its
    constructor::

        class Failures(Analysis):
            def compute(
                self, experiment=None, generation_strategy=None, adapter=None
            ):
                failed = experiment.trials_by_status[TrialStatus.FAILED]
                df = pd.DataFrame({"trial_index": [t.index for t in failed]})
                return self._create_analysis_card(
                    title="Failures", subtitle="Which trials failed.", df=df
                )

        client.compute_analyses([Failures()])
    """

    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardBase:
        """Return the card.

        Args:
            experiment: What is known.
            generation_strategy: How trials are proposed.
            adapter: For scripts that were written for Ax; hpcopt has none to give.

        Raises:
            AnalysisNotApplicableStateError: There is not enough to show yet.
            HpcoptError: It cannot be computed.
        """
        ...

    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        """Return why there is nothing to show yet; ``None`` if there is."""
        return None

    def compute_result(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisOutcome:
        """Return the card, or what was raised in its place."""
        try:
            why = self.validate_applicable_state(
                experiment, generation_strategy, adapter
            )
            if why is not None:
                return AnalysisOutcome(error=AnalysisNotApplicableStateError(why))
            card = self.compute(experiment, generation_strategy, adapter)
        except AnalysisNotApplicableStateError as exc:
            return AnalysisOutcome(error=exc)
        except ModuleNotFoundError as exc:  # such as those of the models, on a laptop
            return AnalysisOutcome(
                error=AnalysisNotApplicableStateError(
                    f"It needs the Python package {exc.name}, which is not installed "
                    "here."
                )
            )
        except Exception as exc:  # one card's failure, or a user's, spares the others
            logger.warning("%s: %s: %s", _name(self), type(exc).__name__, exc)
            return AnalysisOutcome(error=exc)
        return AnalysisOutcome(card=card)

    def compute_or_error_card(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardBase:
        """Return the card, or one that says why there is none."""
        found = self.compute_result(experiment, generation_strategy, adapter)
        if found.error is None:
            return found.unwrap()
        return _card_of_error(_name(self), found.error)

    def _create_analysis_card(
        self, title: str, subtitle: str, df: pd.DataFrame
    ) -> AnalysisCard:
        """Return a card that shows a table."""
        return AnalysisCard(_name(self), title, subtitle, df, df.to_json())

    def _create_analysis_card_group(
        self, title: str, subtitle: str | None, children: Sequence[AnalysisCardBase]
    ) -> AnalysisCardGroup:
        """Return a group of cards."""
        return AnalysisCardGroup(_name(self), title, subtitle, children)


def compute_all(
    analyses: Iterable[Analysis],
    experiment: ExperimentView | None,
    generation_strategy: GenerationStrategyView | None,
    adapter: Any = None,
) -> list[AnalysisCardBase]:
    """Return the card of each analysis, or one that says why there is none."""
    return [
        one.compute_or_error_card(experiment, generation_strategy, adapter)
        for one in analyses
    ]


def display_cards(cards: Sequence[AnalysisCardBase]) -> None:
    """Show cards in the notebook in which this is run; nothing happens elsewhere."""
    page.show("\n".join(card.to_html() for card in cards))


def _name(analysis: Analysis) -> str:
    return type(analysis).__name__


def _card_of_error(name: str, error: Exception) -> AnalysisCard:
    nothing = pd.DataFrame()
    if isinstance(error, AnalysisNotApplicableStateError):
        title = f"{name} -- Not Available Yet"
        return NotApplicableStateAnalysisCard(
            name, title, _NOT_YET, nothing, str(error)
        )
    kind = type(error).__name__
    return ErrorAnalysisCard(
        name,
        f"{name} Error",
        f"{kind}: {error}" if str(error) else f"{kind} was raised.",
        nothing,
        "".join(traceback.format_exception(error)),
    )

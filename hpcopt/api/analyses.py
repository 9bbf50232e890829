"""The methods of a client that compute cards."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from hpcopt.api.configs import StorageConfig
from hpcopt.api.held import find_held
from hpcopt.api.inspection import Inspection
from hpcopt.core.errors import HpcoptError
from hpcopt.core.events import ExperimentBegun
from hpcopt.core.experiment import Experiment
from hpcopt.core.notebook import experiment_html, experiment_line
from hpcopt.core.words import visible
from hpcopt.experiment.folder import is_begun

if TYPE_CHECKING:
    from hpcopt.analysis.analysis import Analysis
    from hpcopt.analysis.card import AnalysisCardBase
    from hpcopt.analysis.experiment import ExperimentView
    from hpcopt.analysis.generation_strategy import GenerationStrategyView


class Analyses(Inspection):
    """The part of a ``Client`` that computes cards of what is known."""

    def __init__(
        self,
        storage_config: StorageConfig | None = None,
        random_seed: int | None = None,
        *,
        folder: str | Path | None = None,
    ) -> None:
        super().__init__(storage_config, random_seed, folder=folder)
        self._view: ExperimentView | None = None

    def compute_analyses(
        self, analyses: Sequence[Analysis] | None = None, display: bool = True
    ) -> list[AnalysisCardBase]:
        """Compute cards: tables and figures of what is known, and what to conclude.

        Args:
            analyses: What to compute; ``OverviewAnalysis`` by default, which chooses
                what suits the experiment. ``hpcopt.analysis`` has them all.
            display: Whether the cards are shown, if this is run in a notebook.

        Returns:
            A card, or a group of cards, for each analysis. One that cannot be computed
            is a card that says why.

        Raises:
            UsageError: The experiment is not configured.
            ConfigError: The folder holds another experiment.
            StorageError: The journal cannot be read.
        """
        from hpcopt.analysis.analysis import display_cards
        from hpcopt.analysis.generation_strategy import GenerationStrategyView
        from hpcopt.analysis.overview import OverviewAnalysis

        experiment = self._experiment
        strategy = GenerationStrategyView(experiment.core)
        chosen = [OverviewAnalysis()] if analyses is None else analyses
        cards = [one.compute_or_error_card(experiment, strategy) for one in chosen]
        if display:
            display_cards(cards)
        return cards

    @override
    def __repr__(self) -> str:
        told = self._told()
        stands = told if isinstance(told, str) else experiment_line(told)
        name = "" if isinstance(told, str) else f"{told.name!r}, "
        folder = "" if self._folder is None else f"folder={str(self._folder)!r}, "
        return f"{type(self).__name__}({name}{folder}{stands})"

    def _repr_html_(self) -> str:
        told = self._told()
        if isinstance(told, str):
            return f"<pre>{html.escape(repr(self))}</pre>"
        return experiment_html(told, str(self._folder or ""))

    def _told(self) -> Experiment | str:
        """Return the experiment as it stands, or why there is none to show."""
        try:
            return self._as_it_stands()
        except HpcoptError as exc:
            return visible(str(exc).partition("\n")[0])

    @property
    def _experiment(self) -> ExperimentView:
        """The experiment as it stands, as analyses see it; by Ax's name.

        Raises:
            UsageError: The experiment is not configured.
            ConfigError: The folder holds another experiment.
            StorageError: The journal cannot be read.
        """
        from hpcopt.analysis.experiment import ExperimentView

        experiment = self._as_it_stands()
        view = self._view
        # What was computed of the same state, such as models, is found again.
        if view is None or not view.is_of(experiment):
            view = self._view = ExperimentView(experiment, self._modules)
        return view

    @property
    def _generation_strategy(self) -> GenerationStrategyView:
        """How trials are proposed, as analyses see it; by Ax's name.

        Raises:
            UsageError: The experiment is not configured.
            ConfigError: The folder holds another experiment, or this version has no
                such method.
            StorageError: The journal cannot be read.
        """
        from hpcopt.analysis.generation_strategy import GenerationStrategyView

        return GenerationStrategyView(self._experiment.core, self._modules)

    def _as_it_stands(self) -> Experiment:
        """Return the experiment, without any trial where it is not begun."""
        folder = self._folder
        if folder is not None and (find_held(folder) or is_begun(folder)):
            return self._read("compute_analyses")
        spec = self._spec("compute_analyses")
        return Experiment(ExperimentBegun(0.0, "", spec.definition(), spec.settings))

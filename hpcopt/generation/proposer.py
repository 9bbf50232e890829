"""What a proposer is, and where one is found. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.snapshot import Snapshot
from hpcopt.host.threads import limit_loaded


class Proposer(Protocol):
    """Proposes one parameterization after the other from one snapshot."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What to remember or to tell: the models' hyperparameters.

        Two keys tell how the parameters are chosen: ``used``, what else or what other
        than its step an ``Origin`` has (``model``, ``acquisition``, ``why``); and
        ``said``, a sentence for each thing that was set aside or weighed.
        """

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none.

        Args:
            index: The trial that it is for; all that is random follows from it and
                from the snapshot's seed.
            proposed: What was proposed from this snapshot before.
            used: What must not be proposed.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
            FloatingPointError: The acquisition is not a number somewhere.
        """


class MakeProposer(Protocol):
    """Makes the proposer of a method, once an experiment has results enough."""

    def __call__(self, snapshot: Snapshot, *, is_fitted: bool) -> Proposer:
        """Return a proposer; its model holds to the priors unless ``is_fitted``.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """


def load_proposer(where: str) -> Any:
    """Return what ``where`` names, as ``module:attribute``; imports it."""
    module, _, name = where.partition(":")
    make = getattr(import_module(module), name)
    limit_loaded()
    return make

"""How parameterizations are generated, in Ax's words and in hpcopt's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hpcopt.core.errors import ConfigError
from hpcopt.core.types import JSONValue

Method = Literal["auto", "sobol"]

#: Ax's names of the methods.
_METHODS: Mapping[str, Method] = {"fast": "auto", "random_search": "sobol"}


@dataclass(frozen=True)
class GenerationOptions:
    """What a script may choose of how parameterizations are generated."""

    method: Method = "auto"
    n_initial: int | None = None
    """How many trials come before the model; ``None`` to go by the search space."""
    seed: int | None = None
    """The seed, where the client has none."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return {"method": self.method, "n_initial": self.n_initial}


def generation_options(
    method: str, initialization_budget: int | None, seed: int | None
) -> GenerationOptions:
    """Return the options that Ax's arguments mean.

    Raises:
        ConfigError: There is no such method, or the budget is not positive.
    """
    if method not in _METHODS:
        raise ConfigError(f"method: expected one of {list(_METHODS)}, found {method!r}")
    if initialization_budget is not None and initialization_budget < 1:
        raise ConfigError(
            "initialization_budget: expected at least 1 trial, "
            f"found {initialization_budget}"
        )
    return GenerationOptions(_METHODS[method], initialization_budget, seed)


def refuse_unsupported(**arguments: tuple[object, object]) -> None:
    """Refuse arguments of Ax's whose effect hpcopt does not have.

    Args:
        arguments: The value of each that was given, and the only one that may be.

    Raises:
        ConfigError: A value is another one.
    """
    for name, (given, only) in arguments.items():
        if given != only:
            raise ConfigError(
                f"{name}: {given!r} is not supported yet; expected {only!r}"
            )

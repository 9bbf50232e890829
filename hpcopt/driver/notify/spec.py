"""Who is told of what, as a person asked for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hpcopt.core.errors import ConfigError
from hpcopt.core.names import expected_name


class Occasion(StrEnum):
    """Why a person is told something."""

    END = "end"
    """The experiment has all its trials."""
    PAUSE = "pause"
    """The driver stopped before, or waits for what no waiting brings about."""
    STALL = "stall"
    """No trial has ended for long."""
    BEST = "best"
    """There is a better trial, or a new one on the Pareto front."""


#: What is told where nothing else is asked for.
DEFAULT_OCCASIONS = (Occasion.END, Occasion.PAUSE)


@dataclass(frozen=True)
class NotifySpec:
    """A command that is run on some occasions.

    Raises:
        ConfigError: Something makes no sense; the message begins with the key.
    """

    command: tuple[str, ...]
    """The program and its arguments; no shell reads them."""
    on: tuple[Occasion, ...] = DEFAULT_OCCASIONS
    stall_s: float | None = None
    """So long nothing ends before that is a stall; ``None`` to derive it."""
    folder: Path | None = None
    """Where the command is run, and begins if it is a relative path; ``None`` for the
    driver's own folder."""

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ConfigError("command: expected a program and its arguments")
        if not self.on:
            known = ", ".join(Occasion)
            raise ConfigError(f"on: expected one or more of {known}, found none")
        if self.stall_s is not None and not (
            math.isfinite(self.stall_s) and self.stall_s > 0
        ):
            raise ConfigError(
                f"stall_s: expected a number of seconds above 0, found {self.stall_s}"
            )


def occasions(names: tuple[str, ...]) -> tuple[Occasion, ...]:
    """Return the occasions of these names.

    Raises:
        ConfigError: There is none of that name.
    """
    known = [one.value for one in Occasion]
    for name in names:
        if name not in known:
            raise ConfigError(f"on: {expected_name(name, known)}")
    return tuple(Occasion(name) for name in names)

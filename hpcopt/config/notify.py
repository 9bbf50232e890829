"""The section of a config that says who is told of what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictStr, model_validator

from hpcopt.config.policies import Spec
from hpcopt.core.errors import ConfigError
from hpcopt.driver.notify.spec import NotifySpec, occasions


class NotifySection(Spec):
    """Who is told of what; see ``hpcopt run``."""

    command: tuple[StrictStr, ...]
    """A program and its arguments, such as ``[mail, -s, hpcopt, ann@example.org]``. No
    shell reads them. It is run in the config's folder, with a summary on its standard
    input and facts in its environment; see [below](#notify)."""
    on: tuple[Literal["end", "pause", "stall", "best"], ...] = ("end", "pause")
    """When: ``end``, all trials have ended; ``pause``, the driver stopped before, or
    waits for what no waiting brings about; ``stall``, no trial has ended for
    ``stall_s``; ``best``, there is a better trial, or a new one on the Pareto front
    (once a minute at most)."""
    stall_s: Annotated[float, Field(gt=0)] | None = None
    """So many seconds without the end of a trial are a stall. Unless it is given, three
    times the longest time that the latest 100 trials took from submission to end, and
    at least an hour; a day before the first has ended."""

    @model_validator(mode="after")
    def _makes_sense(self) -> NotifySection:
        try:
            self.spec(Path())
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        return self

    def spec(self, config_folder: Path) -> NotifySpec:
        """Return what it means.

        Args:
            config_folder: Where the command is run.

        Raises:
            ConfigError: Something makes no sense.
        """
        return NotifySpec(self.command, occasions(self.on), self.stall_s, config_folder)

"""What a user wants each trial to run: the ``job`` part of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpcopt.core.errors import ConfigError
from hpcopt.runners.script.escalation import NO_ESCALATION, ResourceEscalation
from hpcopt.runners.script.sbatch_lines import FORBIDDEN, MANAGED, option_value

#: Options that decide how a job is found again, where its log is, or what it is.
MANAGED_OPTIONS = frozenset({*MANAGED, *FORBIDDEN})

#: The value of an option of sbatch; ``True`` is a flag, ``False`` and ``None`` omit it.
SlurmValue = str | int | float | bool | None


@dataclass(frozen=True)
class Packing:
    """How many short trials share a job."""

    trials_per_job: int
    at_once: int
    """How many of them run at a time."""

    def __post_init__(self) -> None:
        for name in ("trials_per_job", "at_once"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}: expected at least 1, found {getattr(self, name)}"
                )


@dataclass(frozen=True)
class JobSpec:
    """How a trial is run, before its parameters are known.

    The words of ``command``, ``directory``, and the values of ``environment`` and
    ``slurm`` may hold Jinja expressions, such as ``{{ x1 }}``.
    """

    template: Path
    """The sbatch script with Jinja expressions in it."""
    command: tuple[str, ...] | None
    """The words of the program's command line."""
    function: str | None
    """``module:function``, run by hpcopt's worker instead of a command."""
    directory: str
    """Where the program runs; relative to ``config_folder``."""
    setup: tuple[str, ...]
    """Shell lines that go before the command, verbatim."""
    environment: Mapping[str, str]
    slurm: Mapping[str, SlurmValue]
    """Options of sbatch by their long names; underscores are read as dashes."""
    config_folder: Path
    escalation: ResourceEscalation = NO_ESCALATION
    """What a retry may be given more of."""
    pack: Packing | None = None
    """Whether a job runs one trial or many."""
    options: Mapping[str, SlurmValue] = field(init=False, repr=False, compare=False)
    """``slurm`` with dashes in the names, without what is omitted."""

    def __post_init__(self) -> None:
        if self.command is not None and self.function is not None:
            raise ConfigError(
                "job: expected either command or function, found both: "
                f"{list(self.command)} and {self.function!r}"
            )
        if self.command is not None and not self.command:
            raise ConfigError("job.command: expected at least one word, found none")
        if self.function is not None:
            _check_function(self.function)
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ConfigError(
                    "job.environment: expected names of letters, digits and "
                    f"underscores, found {name!r}"
                )
        object.__setattr__(self, "options", option_names(self.slurm))

    def association(self) -> dict[str, str | None]:
        """Return the account, partition and QOS of the jobs, where they are fixed.

        The site's limits go by these. One that depends on parameters is ``None``.
        """
        options = {name: str(value) for name, value in self.options.items()}
        text = self.template.read_text(encoding="utf-8", errors="replace")
        asked: dict[str, str | None] = {}
        for name in ("account", "partition", "qos"):
            value = option_value(name, options, text.split("\n"))
            asked[name] = None if value is None or "{{" in value else value
        return asked


def _check_function(function: str) -> None:
    module, _, name = function.partition(":")
    words = [*module.split("."), *name.split(".")]
    if not all(word.isidentifier() for word in words):
        raise ConfigError(
            f"job.function: expected 'module:function', found {function!r}"
        )


def option_names(
    slurm: Mapping[str, SlurmValue],
    where: str = "job.slurm",
    managed: frozenset[str] = MANAGED_OPTIONS,
) -> dict[str, SlurmValue]:
    """Return options of sbatch under their names on its command line.

    Args:
        slurm: The options; underscores are read as dashes, omitted ones left out.
        where: The part of the config that they are in.
        managed: Those that are not the user's to set.

    Raises:
        ConfigError: One is no option, is managed, or is there twice.
    """
    options: dict[str, SlurmValue] = {}
    for key, value in slurm.items():
        name = key.replace("_", "-")
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) == 1:
            raise ConfigError(
                f"{where}: expected the long name of an option of sbatch, such as "
                f"cpus_per_task, found {key!r}"
            )
        if name in managed:
            raise ConfigError(f"{where}.{key}: hpcopt sets this option itself")
        if name in options:
            raise ConfigError(f"{where}: expected --{name} once, found it twice")
        if value is not None and value is not False:
            options[name] = value
    return options

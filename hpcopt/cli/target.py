"""How a verb is told which experiment to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcopt.core.errors import UsageError

if TYPE_CHECKING:
    from hpcopt.core.experiment import Experiment

#: Where a verb notes in the context's ``meta`` which folder it works on.
FOLDER = "hpcopt.folder"


@dataclass(frozen=True)
class Target:
    """An experiment that was found."""

    folder: Path
    """Absolute."""
    experiment: Experiment
    """As it stands."""


def examples(*commands: str) -> str:
    """Return the end of a verb's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def target_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the argument TARGET."""
    return click.argument(
        "target", required=False, type=click.Path(path_type=Path), metavar="[TARGET]"
    )(function)


def json_option(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the option ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON, for programs."
    )(function)


def find_folder(target: Path | None) -> Path:
    """Return the folder of the experiment that TARGET names; by default this folder.

    Raises:
        UsageError: There is no experiment.
        ConfigError: TARGET is a config with errors.
    """
    from hpcopt.session import JOURNAL, experiment_folder

    if target is None and not Path(JOURNAL).exists():
        raise UsageError(
            "this folder is not an experiment's; name one by its folder or its config, "
            "such as hpcopt status hpcopt.yaml"
        )
    folder = experiment_folder(target or Path())
    click.get_current_context().meta[FOLDER] = folder
    return folder


def find_experiment(target: Path | None) -> Target:
    """Return the experiment that TARGET names, as it stands.

    Raises:
        UsageError: There is none.
        StorageError: Its journal cannot be read.
    """
    from hpcopt.session import read_experiment

    folder = find_folder(target)
    return Target(folder, read_experiment(folder))


def runner_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that say where trials run."""
    for option in (
        click.option(
            "--local",
            "runner",
            flag_value="local",
            help="Run trials as processes of this machine.",
        ),
        click.option(
            "--slurm",
            "runner",
            flag_value="slurm",
            help="Run trials as Slurm jobs.  [default: as the config says]",
        ),
    ):
        function = option(function)
    return function

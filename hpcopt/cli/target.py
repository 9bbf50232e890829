"""How a verb is told which experiment to look at."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcopt.core.errors import StorageError, UsageError
from hpcopt.experiment.folder import JOURNAL, is_begun, read_experiment

if TYPE_CHECKING:
    from hpcopt.core.experiment import Experiment
    from hpcopt.core.trials.trial import Trial

#: So many objects are made before Python looks for some to clear away. It would look at
#: those of ten thousand trials again and again, of which none goes.
_OBJECTS_OF_A_LOOK = 1_000_000

#: The config that is meant where none is named; what ``hpcopt init`` writes.
DEFAULT_CONFIG = "hpcopt.yaml"

#: The object of the contexts of a command line that has a process of its own.
OWN_PROCESS = "own process"

#: Where a verb notes in the context's ``meta`` which folder it works on.
FOLDER = "hpcopt.folder"


@dataclass(frozen=True)
class FoundExperiment:
    """An experiment that was found."""

    folder: Path
    """Absolute."""
    experiment: Experiment
    """As it stands."""
    modules: Path | None = None
    """Where modules of the user's are: beside the config, if that was named."""

    def trial(self, index: int) -> Trial:
        """Return a trial that a person named.

        Raises:
            UsageError: There is none of that number.
        """
        try:
            return self.experiment.trial(index)
        except StorageError as exc:
            raise UsageError(str(exc)) from exc


def examples(*commands: str) -> str:
    """Return the end of a verb's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def target_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the argument TARGET."""
    return click.argument(
        "target", required=False, type=click.Path(path_type=Path), metavar="[TARGET]"
    )(function)


def config_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the argument CONFIG."""
    return click.argument(
        "config",
        required=False,
        type=click.Path(path_type=Path),
        metavar="[CONFIG]",
        callback=lambda _context, _parameter, value: value or _default_config(),
    )(function)


def json_option(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the option ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON, for programs."
    )(function)


@contextmanager
def option(name: str) -> Iterator[None]:
    """Say which option it is about when its value is wrong.

    Raises:
        UsageError: The same that is raised inside.
    """
    try:
        yield
    except UsageError as exc:
        raise UsageError(f"{name}: {exc}") from exc


def _default_config() -> Path:
    """Return the config that is meant where none is named.

    Raises:
        UsageError: There is none in this folder.
    """
    if not (config := Path(DEFAULT_CONFIG)).exists():
        raise UsageError(
            f"there is no {DEFAULT_CONFIG} in this folder; name a config, or write one "
            "with hpcopt init"
        )
    return config


def default_target() -> Path:
    """Return what is meant where no experiment is named: this folder, or its config.

    Raises:
        UsageError: This folder is no experiment's, and holds no config.
    """
    if is_begun(here := Path()):
        return here
    if (config := Path(DEFAULT_CONFIG)).exists():
        return config
    raise UsageError(
        f"this folder is not an experiment's, and holds no {DEFAULT_CONFIG}; name the "
        "experiment by its folder or its config"
    )


def find_folder(target: Path | None) -> Path:
    """Return the folder of the experiment that TARGET names, or that is here.

    Raises:
        UsageError: There is no experiment.
        ConfigError: TARGET is a config with errors.
        StorageError: There is no permission to look.
    """
    try:
        folder = _folder_of(target or default_target())
    except PermissionError as exc:  # of a folder above it
        raise StorageError(
            f"{exc.filename or target}: expected a folder that may be looked into: "
            f"{exc.strerror}"
        ) from exc
    click.get_current_context().meta[FOLDER] = folder
    return folder


def _folder_of(target: Path) -> Path:
    """Return the folder of the experiment that a person named.

    Args:
        target: The experiment's folder, or its config.

    Raises:
        UsageError: It is neither.
        ConfigError: It is a config with errors.
    """
    if target.is_dir():
        if not is_begun(target):
            raise UsageError(f"{target}: expected an experiment, found no {JOURNAL}")
        return target.absolute()
    if not target.exists():
        raise UsageError(f"{target}: expected a config or an experiment's folder")
    from hpcopt.config.file import load_config

    folder = load_config(target).folder
    if not is_begun(folder):
        from hpcopt.slurm.driver_job_folders import latest

        job = latest(folder)
        submitted = f"; its driver was submitted as job {job.job_id}" if job else ""
        raise UsageError(
            f"{target}: the experiment is not begun yet; there is no "
            f"{folder / JOURNAL}{submitted}"
        )
    return folder


def find_experiment(target: Path | None) -> FoundExperiment:
    """Return the experiment that TARGET names, as it stands.

    Raises:
        UsageError: There is none.
        StorageError: Its journal cannot be read.
    """
    target = target or default_target()
    folder = find_folder(target)
    if click.get_current_context().obj == OWN_PROCESS:
        gc.set_threshold(_OBJECTS_OF_A_LOOK)
    return FoundExperiment(folder, read_experiment(folder), modules_folder(target))


def modules_folder(target: Path) -> Path | None:
    """Return where modules of the user's are: beside the config, if that is named."""
    return None if target.is_dir() else target.absolute().parent


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

"""Puts the parts of one experiment together, and keeps a second driver out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpcopt import __version__
from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import JSONValue
from hpcopt.experiment.continuation import changed_keys, continued_space
from hpcopt.host.clock import Clock, SystemClock
from hpcopt.storage.journal import Journal, experiment_in
from hpcopt.storage.journal_file import JournalFile

if TYPE_CHECKING:  # what only reads an experiment starts without these
    from hpcopt.config.file import LoadedConfig
    from hpcopt.core.space.search_space import SearchSpace
    from hpcopt.driver.driver import Driver, Progress
    from hpcopt.generation.protocol import GeneratorService

logger = logging.getLogger(__name__)

RunnerKind = Literal["slurm", "local"]

JOURNAL = "journal.jsonl"
LEASE = "lease.json"
CONFIG = "config.yaml"
GENERATOR_LOG = "generator.log"
TRIALS = "trials"
ARRAYS = "arrays"

Observer = Callable[[Experiment, "Progress"], None]
StopRequest = Callable[[], str | None]


def experiment_folder(target: Path) -> Path:
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
        from hpcopt.slurm.driver_jobs import latest

        job = latest(folder)
        submitted = f"; its driver was submitted as job {job.job_id}" if job else ""
        raise UsageError(
            f"{target}: the experiment is not begun yet; there is no "
            f"{folder / JOURNAL}{submitted}"
        )
    return folder


def own_job_id() -> str:
    """Return the id of the job that this process is in; empty where it is in none."""
    return os.environ.get("SLURM_JOB_ID", "")


def is_begun(folder: Path) -> bool:
    """Whether ``folder`` holds an experiment."""
    return (folder / JOURNAL).exists()


def read_experiment(folder: Path) -> Experiment:
    """Return the experiment in ``folder`` as it stands; needs no lease.

    Raises:
        StorageError: The journal cannot be read.
    """
    with closing(JournalFile.open_for_reading(folder / JOURNAL)) as store:
        return experiment_in(store)


def read_events(folder: Path) -> list[ev.Event]:
    """Return the events of the experiment in ``folder``; needs no lease.

    Raises:
        StorageError: The journal cannot be read.
    """
    with closing(JournalFile.open_for_reading(folder / JOURNAL)) as store:
        return list(store.read())


@contextmanager
def open_journal(
    folder: Path,
    definition: Mapping[str, JSONValue],
    settings: Mapping[str, JSONValue],
    clock: Clock,
) -> Iterator[Journal]:
    """Take the experiment in ``folder`` up as its only writer; begin it if it is new.

    Raises:
        LeaseHeldError: Another driver runs it.
        ConfigError: It was begun with another definition, or holds trials and no
            journal.
        UsageError: It has live trials that could not be watched from here.
        StorageError: The folder or the journal cannot be written or read.
    """
    from hpcopt.storage.lease import Lease

    with ExitStack() as stack:
        lease = Lease.acquire(folder / LEASE)
        stack.callback(lease.release)
        _check_no_lost_trials(folder)
        store = JournalFile.open_or_create(folder / JOURNAL, lease)
        stack.callback(store.close)
        begun = ev.ExperimentBegun(clock.now(), __version__, definition, settings)
        journal = Journal.load_or_begin(store, begun)
        space, space_changes = continued_space(journal.experiment, definition, folder)
        _check_same_runner(journal.experiment, settings, folder)
        _check_same_folder(journal.experiment, folder)
        if space_changes:
            _change_space(journal, space, space_changes, clock)
        changes = changed_keys(journal.experiment.settings, settings)
        if changes:
            journal.append(ev.SettingsChanged(clock.now(), settings, tuple(changes)))
        yield journal


def _change_space(
    journal: Journal, space: SearchSpace, changes: tuple[str, ...], clock: Clock
) -> None:
    """Go on in another space; what was proposed and not yet begun outside it goes."""
    now = clock.now()
    abandoned = []
    for trial in journal.experiment.open_trials():
        if not trial.attempts:
            try:
                space.check(trial.parameters)
            except UsageError as exc:
                reason = f"it does not fit the changed search space: {exc}"
                abandoned.append(ev.TrialAbandoned(now, trial.index, reason))
    journal.append(ev.SpaceChanged(now, space.definition(), changes), *abandoned)
    for change in changes:
        logger.warning("the search space changed: %s", change)


@contextmanager
def reopen_journal(folder: Path) -> Iterator[Journal]:
    """Take the experiment in ``folder`` up as its only writer, to drive nothing.

    Raises:
        LeaseHeldError: Another driver runs it.
        StorageError: The folder or the journal cannot be written or read.
    """
    from hpcopt.storage.lease import Lease

    with ExitStack() as stack:
        lease = Lease.acquire(folder / LEASE)
        stack.callback(lease.release)
        store = JournalFile.open_for_writing(folder / JOURNAL, lease)
        stack.callback(store.close)
        yield Journal.load(store)


def runner_at_work(experiment: Experiment) -> str | None:
    """Return the kind of runner that has live trials; ``None`` if none has."""
    if not _n_live(experiment):
        return None
    return str(experiment.settings.get("runner"))


def _n_live(experiment: Experiment) -> int:
    """Return how many attempts are, or may be, with a runner."""
    return len(experiment.live_attempts()) + len(experiment.staged_attempts())


def _check_no_lost_trials(folder: Path) -> None:
    """Check that no earlier trials would be taken for those of a new experiment."""
    journal = folder / JOURNAL
    if journal.exists() and Journal.is_begun(JournalFile.open_for_reading(journal)):
        return
    for name in (TRIALS, ARRAYS):
        if (folder / name).exists():
            raise ConfigError(
                f"{folder}: expected a folder to begin an experiment in, found "
                f"{name}/, the trials of an experiment without a journal; move it "
                "away, or choose another folder"
            )


def _check_same_runner(
    experiment: Experiment, settings: Mapping[str, JSONValue], folder: Path
) -> None:
    """Check that live trials are not left to a runner that knows nothing of them."""
    before, after = runner_at_work(experiment), settings.get("runner")
    # The runners of a script go by the names of their classes, which may change.
    if before is None or before == after or not {before, after} & {"slurm", "local"}:
        return
    n_live = _n_live(experiment)
    live = "1 trial is" if n_live == 1 else f"{n_live} trials are"
    raise UsageError(
        f"{folder}: {live} live on the {before} runner, and cannot go on with "
        f"{after}; continue with {before} until none is"
    )


def _check_same_folder(experiment: Experiment, folder: Path) -> None:
    """Check that live trials write to where they are looked for."""
    if runner_at_work(experiment) not in ("slurm", "local"):
        return
    for attempt in experiment.live_attempts():
        path = Path(str((attempt.metadata or {})["folder"]))
        begun_in = path.parents[2]  # <folder>/trials/0000/attempt-0
        if not (begun_in.exists() and begun_in.samefile(folder)):
            raise UsageError(
                f"{folder}: trial {attempt.trial_index} is live in {begun_in}, from "
                "where the experiment was moved or copied; continue it there until "
                "its live trials have ended"
            )


@contextmanager
def open_driver(
    loaded: LoadedConfig,
    *,
    runner: RunnerKind | None = None,
    clock: Clock | None = None,
    observe: Observer = lambda *_: None,
    is_stop_requested: StopRequest = lambda: None,
    winds_up: bool = False,
) -> Iterator[Driver]:
    """Yield a driver for the experiment of a config; begin or continue it.

    Args:
        loaded: The config.
        runner: Where trials run; by default what the config says.
        clock: Tells the time.
        observe: Called after each of the driver's steps.
        is_stop_requested: Returns why to stop, when somebody asked for it.
        winds_up: Whether to do no more than what people asked for.

    Raises:
        ConfigError: The config does not fit the experiment or this machine.
        LeaseHeldError: Another driver runs the experiment.
        StorageError: The folder or the journal cannot be written or read.
    """
    from hpcopt.driver.driver import Driver
    from hpcopt.driver.polling import with_site_floor
    from hpcopt.driver.requests import RequestFolder
    from hpcopt.experiment import parts
    from hpcopt.generation.service.idle import NoService

    clock = clock or SystemClock()
    folder = loaded.folder
    kind = parts.runner_kind(loaded, runner)
    settings = {**loaded.config.settings(), "runner": kind}
    limits = with_site_floor(loaded.config.limits(kind), os.environ)
    attempt_runner = parts.make_runner(loaded, kind, clock)
    reader = parts.make_reader(loaded.config, kind, clock)
    definition = loaded.config.definition()
    parts.check_space(loaded.config.search_space())
    parts.make_folder(folder)
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal(folder, definition, settings, clock))
        parts.write_config(loaded, folder / CONFIG)
        stack.callback(attempt_runner.close)
        parts.check_writable(folder / GENERATOR_LOG)
        generator: GeneratorService = (
            NoService()
            if winds_up
            else parts.make_generator(loaded, folder / GENERATOR_LOG)
        )
        stack.callback(generator.close)
        yield Driver(
            journal,
            attempt_runner,
            reader,
            generator,
            limits,
            clock,
            is_stop_requested=is_stop_requested,
            observe=observe,
            requests=RequestFolder(folder),
            winds_up=winds_up,
            job_id=own_job_id(),
        )

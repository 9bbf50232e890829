"""The folder of an experiment: what is where, and what anyone may read."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError
from hpcopt.core.experiment import Experiment
from hpcopt.host.durable import cannot_write, write_text_durably
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.journal_tail import JournalTail

JOURNAL = "journal.jsonl"
LEASE = "lease.json"
CONFIG = "config.yaml"
GENERATOR_LOG = "generator.log"
NOTIFIED = "notified.json"
TRIALS = "trials"
ARRAYS = "arrays"


def is_begun(folder: Path) -> bool:
    """Whether ``folder`` holds an experiment, which its first event makes.

    A driver may have died between the journal's header and that event.
    """
    try:
        with (folder / JOURNAL).open("rb") as file:
            file.readline()  # the header
            return file.readline().endswith(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # whoever reads it says what is wrong


def read_experiment(folder: Path) -> Experiment:
    """Return the experiment in ``folder`` as it stands; needs no lease.

    Of many events it may leave a cache beside the journal, for the next who looks.

    Raises:
        StorageError: The journal is not begun, or cannot be read.
    """
    tail = JournalTail(folder / JOURNAL, keeps_cache=True)
    tail.update()
    return tail.experiment or Experiment.from_events([])  # which says what is missing


def read_events(folder: Path) -> list[ev.Event]:
    """Return the events of the experiment in ``folder``; needs no lease.

    Raises:
        StorageError: The journal cannot be read.
    """
    with closing(JournalFile.open_for_reading(folder / JOURNAL)) as store:
        return list(store.read())


def make_folder(folder: Path) -> None:
    """Make the experiment's folder.

    Raises:
        ConfigError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(
            f"folder: expected a folder that can be made and written, "
            f"found {folder}: {exc.strerror}"
        ) from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"folder: expected a writable folder, found {folder}")


def check_writable(log: Path) -> None:
    """Make sure that a log can be appended to.

    Raises:
        StorageError: It cannot.
    """
    try:
        with log.open("ab"):
            pass
    except OSError as exc:
        raise cannot_write(log, exc) from exc


def write_config(text: str, path: Path) -> None:
    """Keep a copy of the config beside the journal, for people.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        write_text_durably(path, text)
    except OSError as exc:
        raise cannot_write(path, exc) from exc

"""What squeue and sacct list of this user's jobs, and scancel."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from hpcopt.core.errors import PollError
from hpcopt.core.trials.trial import Phase
from hpcopt.slurm import states
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.tables import (
    ACCOUNTING_FORMAT,
    QUEUE_FORMAT,
    SEPARATOR,
    AccountingRow,
    QueueRow,
    parse_accounting,
    parse_queue,
)

logger = logging.getLogger(__name__)

#: Longer lists of ids have been refused: the whole command line has a limit.
IDS_PER_CALL = 500

#: A site without slurmdbd; there is nothing to wait for.
_NO_ACCOUNTING = "accounting storage is disabled"

#: One malformed id makes sacct and scancel refuse the whole list.
_VALID_ID = re.compile(r"\d+(_\d+)?", re.ASCII)


@dataclass(frozen=True)
class Census:
    """How many jobs this user has in the queue."""

    n_alive: int
    """Those that have not ended; each task of an array is one."""
    waiting: Mapping[str, int]
    """Those that wait to start, by name."""

    @classmethod
    def of(cls, rows: Iterable[QueueRow]) -> Census:
        """Count the rows of squeue."""
        n_alive = 0
        waiting: Counter[str] = Counter()
        for row in rows:
            phase = states.phase_of(states.read_word(row.word))
            n = max(1, row.job.n_tasks)
            if phase is not Phase.ENDED and not row.job.component:
                n_alive += n
                waiting[row.name] += n if phase is Phase.WAITING else 0
        return cls(n_alive, waiting)


class SlurmQueue:
    """Asks the controller and the accounting about this user's jobs."""

    def __init__(self, commands: SlurmCommands) -> None:
        self._commands = commands
        self._told: set[str] = set()
        self.census: Census | None = None
        """What the latest look at the local cluster's queue found; a new object each
        time."""

    def jobs(self, cluster: str = "") -> list[QueueRow]:
        """Return all jobs of this user that the controller knows, ended ones too.

        One call, however many there are.

        Raises:
            PollError: The controller did not answer.
        """
        text = self._commands.query(
            "squeue",
            [*_on(cluster), "--me", "-h", "-r", "-t", "all", "-o", QUEUE_FORMAT],
        )
        rows, strange = parse_queue(text)
        self._warn("squeue", strange)
        if not cluster:
            self.census = Census.of(rows)
        return rows

    def accounts(
        self,
        job_ids: Iterable[str],
        cluster: str = "",
        *,
        with_steps: bool = False,
        with_earlier: bool = False,
    ) -> list[AccountingRow] | None:
        """Return the accounting of these jobs; ``None`` where none is kept.

        Args:
            job_ids: The jobs.
            cluster: Where they are; empty for the local cluster.
            with_steps: Whether to tell of their steps, too.
            with_earlier: Whether to tell of each time that they were started.

        Raises:
            PollError: The accounting did not answer.
        """
        rows: list[AccountingRow] = []
        for chunk in _chunks(job_ids):
            kinds = ([] if with_steps else ["-X"]) + (["-D"] if with_earlier else [])
            answer = self._sacct([*_on(cluster), *kinds, "-j", ",".join(chunk)])
            if answer is None:
                return None
            rows += answer
        return rows

    def accounts_named(
        self, name: str, seconds_ago: int, cluster: str = ""
    ) -> list[AccountingRow] | None:
        """Return the accounting of jobs by name; ``None`` where none is kept.

        Jobs that are held, or that ended before ``seconds_ago``, are not in it.

        Raises:
            PollError: The accounting did not answer.
        """
        # Without a start, sacct begins at midnight.
        window = ["-S", f"now-{seconds_ago}seconds"]
        return self._sacct([*_on(cluster), "-X", f"--name={name}", *window])

    def cancel(self, job_ids: Iterable[str], cluster: str = "") -> None:
        """Ask for jobs to be ended; those that have ended are passed over.

        Raises:
            PollError: The controller did not answer.
        """
        for chunk in _chunks(job_ids):
            self._commands.query("scancel", [*_on(cluster), *chunk])

    def _sacct(self, arguments: Sequence[str]) -> list[AccountingRow] | None:
        how = ["-P", "-n", f"--delimiter={SEPARATOR}", "-o", ACCOUNTING_FORMAT]
        try:
            answer = self._commands.run("sacct", [*how, *arguments])
        except PollError as exc:
            if not isinstance(exc.__cause__, FileNotFoundError):
                raise
            self._warn_once(f"{exc}; so it is as if no accounting were kept")
            return None
        if answer.code != 0:
            if _NO_ACCOUNTING in answer.err:
                return None
            raise PollError(answer.failure)
        rows, strange = parse_accounting(answer.out)
        self._warn("sacct", strange)
        return rows

    def _warn(self, command: str, strange: Sequence[str]) -> None:
        for line in strange:
            self._warn_once(f"{command} printed a line that is passed over: {line!r}")

    def _warn_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            logger.warning("%s", text)


def _on(cluster: str) -> list[str]:
    return [f"--clusters={cluster}"] if cluster else []


def _chunks(job_ids: Iterable[str]) -> Iterator[list[str]]:
    valid = iter(job_id for job_id in job_ids if _VALID_ID.fullmatch(job_id))
    while chunk := list(islice(valid, IDS_PER_CALL)):
        yield chunk

"""The site's limit on how many jobs a user may have in the queue at a time.

It is asked for once, where the site lets its users ask, and learned from refusals
otherwise: then as many jobs are kept as there were when the limit was met.
"""

from __future__ import annotations

import getpass
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hpcopt.core.errors import PollError
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.queue import Census, SlurmQueue
from hpcopt.slurm.site import SiteLimits

logger = logging.getLogger(__name__)

#: A limit that was only met, and not told, may be another one by now.
_LEARNED_FOR_S = 600.0

#: How old the count of jobs may be once it has reached the limit.
_STALE_AFTER_S = 60.0

_ASSOCIATION = "Cluster,DefaultAccount,Account,Partition,MaxSubmitJobs,DefaultQOS"
_QOS = "Name,MaxSubmitPU"


@dataclass(frozen=True)
class Limit:
    """How many jobs a user may have in the queue."""

    n: int
    name: str
    """Whose limit it is."""


class SubmitLimit:
    """Tells how many more jobs would be accepted, by the limit and a count of jobs."""

    def __init__(
        self,
        commands: SlurmCommands,
        queue: SlurmQueue,
        site: SiteLimits,
        asked: Mapping[str, str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare to ask.

        Args:
            commands: Runs Slurm's commands.
            queue: Whose looks at the queue are counted from, to save calls.
            site: The site's configuration.
            asked: The ``account``, ``partition`` and ``qos`` of jobs, where given.
            clock: Returns the seconds since the epoch.
        """
        self._commands = commands
        self._queue = queue
        self._site = site
        self._asked = asked
        self._clock = clock
        self._is_discovered = False
        self._discovered: Limit | None = None
        self._learned: Limit | None = None
        self._learned_at = 0.0
        self._is_met = False
        self._n_since = 0
        """Jobs submitted less jobs ended since the latest count."""
        self._counted: Census | None = None
        self._counted_at = 0.0

    def n_left(self) -> int | None:
        """Return how many more jobs would be accepted; ``None`` for any number."""
        if self._is_met:
            self._is_met = False
            self._learn()
        limit = self._limit()
        if limit is None:
            return None
        n_left = self._n_left(limit)
        if n_left is None or n_left <= 0:
            self._count(_STALE_AFTER_S)
            n_left = self._n_left(limit)
        return None if n_left is None else max(0, n_left)

    def why(self) -> str:
        """Return which limit there is, in one line."""
        limit = self._limit()
        if limit is None:
            return ""
        return f"the limit of {limit.n} submitted jobs ({limit.name}) is reached"

    def census(self) -> Census | None:
        """Return the count of this user's jobs, made anew if it is old."""
        self._count(_STALE_AFTER_S)
        return self._counted

    def accepted(self, n: int) -> None:
        """Take note of ``n`` jobs that were submitted."""
        self._n_since += n

    def ended(self) -> None:
        """Take note of a job that has ended, before the queue is looked at again."""
        self._n_since -= 1

    def refused(self) -> None:
        """Take note that the limit was met."""
        self._is_met = True

    def _learn(self) -> None:
        """Take what is in the queue for the limit, unless the site has told it."""
        if self._discovered is not None:
            return
        self._count(0.0)
        if self._counted is not None:
            n = max(1, self._counted.n_alive + self._n_since)
            self._learned, self._learned_at = Limit(n, "as it seems"), self._clock()

    def _limit(self) -> Limit | None:
        if not self._is_discovered:
            self._is_discovered = True
            self._discovered = self._discover()
        if self._discovered is not None:
            return self._discovered
        if not 0 <= self._clock() - self._learned_at < _LEARNED_FOR_S:
            self._learned = None
        return self._learned

    def _n_left(self, limit: Limit) -> int | None:
        self._take_census()
        if self._counted is None:
            return None
        return limit.n - self._counted.n_alive - self._n_since

    def _take_census(self) -> None:
        """Use the latest look at the queue, whoever made it."""
        if self._queue.census is not self._counted:
            self._counted, self._n_since = self._queue.census, 0
            self._counted_at = self._clock()

    def _count(self, stale_after_s: float) -> None:
        self._take_census()
        is_fresh = 0 <= self._clock() - self._counted_at < stale_after_s
        if self._counted is not None and is_fresh:
            return
        self._counted_at = self._clock()  # one that fails is not repeated at once
        try:
            self._queue.jobs()
        except PollError as exc:
            logger.warning("jobs could not be counted: %s", exc)
        self._take_census()

    def _discover(self) -> Limit | None:
        """Return the smallest limit that is known to apply."""
        try:
            association, default_qos = self._association()
            qos = self._asked.get("qos") or default_qos or "normal"
            limits = [association, self._qos(qos)]
        except PollError as exc:
            logger.info("limits on submitted jobs are not known: %s", exc)
            return None
        known = [limit for limit in limits if limit is not None]
        return min(known, key=lambda limit: limit.n, default=None)

    def _association(self) -> tuple[Limit | None, str]:
        """Return the limit of this user's association, and its default QOS."""
        user = getpass.getuser()
        cluster = self._site.config.get("ClusterName", "")
        rows = self._table(
            ["show", "user", user, "withassoc", f"format={_ASSOCIATION}"], 6
        )
        for row_cluster, default, account, partition, n, qos in rows:
            is_here = not cluster or row_cluster in ("", cluster)
            is_account = account == (self._asked.get("account") or default or account)
            is_partition = partition in ("", self._asked.get("partition"))
            if is_here and is_account and is_partition:
                limit = f"MaxSubmitJobs of account {account}"
                return (Limit(int(n), limit) if n.isdecimal() else None), qos
        return None, ""

    def _qos(self, name: str) -> Limit | None:
        rows = self._table(["show", "qos", f"format={_QOS}"], 2)
        for qos, n in rows:
            if qos == name and n.isdecimal():
                return Limit(int(n), f"MaxSubmitJobsPerUser of QOS {qos}")
        return None

    def _table(self, words: list[str], n_columns: int) -> list[list[str]]:
        text = self._commands.query("sacctmgr", ["-n", "-P", *words])
        rows = [line.split("|") for line in text.splitlines()]
        return [row for row in rows if len(row) == n_columns]

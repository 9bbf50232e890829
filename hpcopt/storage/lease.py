"""The lease: at most one driver at a time drives an experiment.

The lease file says which process holds it. It appears by ``link``, complete and at
once, which also NFS does atomically, and belongs to whoever's token is in it. The
holder proves that it lives by writing a growing count into the file; it writes through
a descriptor of that very file, and so never into the one that a successor put in its
place.

Whether a holder lives is told by its process, where that can be looked at from here: on
the same host, since the same boot. Elsewhere it is dead when it has given no sign of
life for ``expiry_s``. The file system's own clock tells how long that is, which is the
same for all hosts; and where less has passed, the holder is watched for as long.

A dead holder is succeeded in two steps. First one taker is chosen among all: the one
that links the file ``<lease>.after-<token of the dead holder>``. Only then, and only if
the lease still has that token, is the lease replaced by the taker's own. A taker that
was slow to come to the first step finds another token at the second one and lets go:
since a token is used once, a lease that has changed never looks unchanged (ABA). The
file of the first step is itself a lease on succeeding, so that a taker that dies
between the steps is succeeded in the same way.

What no lease can prevent: a driver that is suspended for ``expiry_s`` just between a
``check`` and the write after it writes although it was succeeded from another host.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from hpcopt.core.errors import LeaseHeldError, LeaseLostError, StorageError
from hpcopt.host.durable import advice, create_durably
from hpcopt.host.process import Process
from hpcopt.storage.lease_holder import LeaseHolder, read_lease

logger = logging.getLogger(__name__)


class Lease:
    """The right of this process to drive an experiment."""

    def __init__(self, path: Path, holder: LeaseHolder, fd: int) -> None:
        self._path = path
        self._holder = holder
        self._fd = fd
        self._pid = os.getpid()
        self._is_released = threading.Event()
        self._heart: threading.Thread | None = None

    @classmethod
    def acquire(
        cls,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        process: Process | None = None,
        heartbeat_s: float | None = 10.0,
        expiry_s: float = 60.0,
    ) -> Lease:
        """Take the lease, from a dead driver if need be.

        Args:
            path: The lease file, in the experiment's folder.
            clock: Measures how long a holder on another host gives no sign of life.
            sleep: Waits between two looks at that holder.
            process: Who takes it; this process by default.
            heartbeat_s: How often to give a sign of life; ``None`` for never.
            expiry_s: For how long a holder that cannot be looked at may give none.

        Raises:
            LeaseHeldError: A living driver holds it.
            StorageError: The file system refuses.
        """
        holder = LeaseHolder(
            token=os.urandom(8).hex(),
            process=process or Process.this(),
            since=time.time(),
        )
        own = path.with_name(f"{path.name}.{holder.token}")
        taker = _Taker(path, own, holder, clock, sleep, expiry_s)
        try:
            try:
                taker.write_own()
                taker.take(path)
            finally:
                own.unlink(missing_ok=True)
            lease = cls(path, holder, os.open(path, os.O_RDWR))
        except OSError as exc:
            raise StorageError(
                f"{path}: expected to take the lease: {exc}{advice(exc)}"
            ) from exc
        lease.check()  # what was opened is the own file if it is that still
        if heartbeat_s is not None:
            lease._start_beating(heartbeat_s)
        return lease

    def check(self) -> None:
        """Make sure that this process holds the lease.

        Raises:
            LeaseLostError: It does not.
        """
        if os.getpid() != self._pid:
            raise LeaseLostError(
                f"{self._path}: expected to be in process {self._pid}, which holds the "
                f"lease, found process {os.getpid()}"
            )
        found = read_lease(self._path)
        if found is None or found.token != self._holder.token:
            raise LeaseLostError(
                f"{self._path}: expected this driver's lease, found "
                f"{'none' if found is None else f'that of {found}'}; "
                "this driver must end"
            )

    def beat(self) -> None:
        """Give a sign of life, as a thread does every ``heartbeat_s``."""
        self._holder = dataclasses.replace(
            self._holder, heartbeat=self._holder.heartbeat + 1
        )
        os.pwrite(self._fd, self._holder.to_bytes(), 0)
        os.fsync(self._fd)  # a network file system would keep it on this host

    def release(self) -> None:
        """Give the lease back, if this process holds it."""
        if os.getpid() != self._pid or self._is_released.is_set():
            return
        self._is_released.set()
        # The garbage collector may release a lease in any thread, its own too.
        if self._heart is not None and self._heart is not threading.current_thread():
            self._heart.join()
        os.close(self._fd)
        try:
            _remove_own(self._path, self._holder)
        except OSError as exc:
            # This process is about to be gone, which is all that a successor asks.
            logger.warning("%s: cannot be removed: %s", self._path, exc)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _start_beating(self, heartbeat_s: float) -> None:
        def keep_beating() -> None:
            while not self._is_released.wait(heartbeat_s):
                try:
                    self.beat()
                except OSError as exc:
                    logger.warning("%s: no sign of life given: %s", self._path, exc)

        self._heart = threading.Thread(
            target=keep_beating, name="lease-heartbeat", daemon=True
        )
        self._heart.start()


@dataclass(frozen=True)
class _Taker:
    """A process on its way to the lease."""

    lease: Path
    own: Path
    """A complete lease file of its own, which it links to where it shall be valid."""
    holder: LeaseHolder
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    expiry_s: float

    def write_own(self) -> None:
        """Write the own file, durably."""
        create_durably(self.own, self.holder.to_bytes(), sync_parent=False)

    def take(self, path: Path) -> None:
        """Make ``path`` the own file: the lease, or the right to succeed a holder."""
        while True:
            try:
                os.link(self.own, path)
                return
            except FileExistsError:
                found = read_lease(path)
            if found is None:
                continue
            if found.token == self.holder.token:
                return  # the link was made; only NFS's answer about it was lost
            if self._is_dead(path, found) and self._succeed(path, found):
                return

    def _is_dead(self, path: Path, found: LeaseHolder) -> bool:
        """Return whether ``found`` died holding ``path``; false if it let go."""
        is_alive = found.process.is_alive(seen_from=self.holder.process)
        if is_alive is None and self._silence_s(path) >= self.expiry_s:
            is_alive = read_lease(path) != found
        if is_alive is None:
            logger.warning(
                "%s is held by %s; watching for %g s whether it gives a sign of life",
                self.lease,
                found,
                self.expiry_s,
            )
            end = self.clock() + self.expiry_s
            now: LeaseHolder | None = found
            while now == found and self.clock() < end:
                self.sleep(1.0)
                now = read_lease(path)
            if now is None or now.token != found.token:
                return False
            is_alive = now != found
        if is_alive:
            raise _held(self.lease, found)
        logger.warning("%s: %s has died; taking over", self.lease, found)
        return True

    def _silence_s(self, path: Path) -> float:
        """Return for how long ``path`` was not written, as the file system has it."""
        try:
            return self.own.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return 0.0  # let go just now: a closer look tells

    def _succeed(self, path: Path, dead: LeaseHolder) -> bool:
        """Replace ``dead`` at ``path``; false if another process has done so."""
        right = self.lease.with_name(f"{self.lease.name}.after-{dead.token}")
        self.take(right)
        try:
            now = read_lease(path)
            if now is None or now.token != dead.token:
                return False
            link = self.own.with_name(f"{self.own.name}.link")
            os.link(self.own, link)
            link.replace(path)
            return True
        finally:
            _remove_own(right, self.holder)


def _remove_own(path: Path, holder: LeaseHolder) -> None:
    found = read_lease(path)
    if found is not None and found.token == holder.token:
        path.unlink(missing_ok=True)


def _held(lease: Path, holder: LeaseHolder) -> LeaseHeldError:
    return LeaseHeldError(
        f"the experiment in {lease.parent} is run by {holder}; stop it with: "
        f"hpcopt stop {shlex.quote(str(lease.parent))}"
    )

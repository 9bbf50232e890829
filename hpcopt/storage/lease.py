"""The lease: at most one driver at a time drives an experiment.

The lease file names the process that holds it. It is made by ``link``, which is atomic
on NFS too, and belongs to the process whose token is in it. The holder's heartbeat is a
growing count in the file; it is written through a descriptor of that very file, and so
never into the one that a successor put in its place.

Whether a holder lives is told by its process, where that can be seen from here: on the
same host, in the same boot. Elsewhere it is taken for dead after ``expiry_s`` without a
heartbeat, by the file system's own clock, which is the same for all hosts; where less
has passed, the holder is watched for as long.

A dead holder's lease is taken over in two steps. First one successor is chosen among
all candidates: the one that links the file ``<lease>.after-<token of the dead
holder>``. Only then, and only if the lease still has that token, is it replaced by the
successor's own. A candidate that was late at the first step finds another token at the
second one and gives up: as a token is used once, a lease that has changed never looks
unchanged (the ABA problem). The file of the first step is itself a lease, on the right
to take over, so that a candidate that dies between the steps is replaced in the same
way.

What no lease can prevent: a driver that is suspended for ``expiry_s`` just between a
``check`` and the write after it writes although another host has taken over.
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
        """Acquire the lease, from a dead driver if need be.

        Args:
            path: The lease file, in the experiment's folder.
            clock: Measures, in seconds, how long a holder on another host has had no
                heartbeat.
            sleep: Waits between two looks at that holder.
            process: Who acquires it; this process by default.
            heartbeat_s: The interval of the heartbeat; ``None`` for none.
            expiry_s: After how long without a heartbeat a holder that cannot be seen
                from here counts as dead.

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
        acquisition = _Acquisition(path, own, holder, clock, sleep, expiry_s)
        try:
            try:
                acquisition.write_own()
                acquisition.take(path)
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
        """Check that this process holds the lease.

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
        """Write the next heartbeat, as a thread does every ``heartbeat_s``."""
        self._holder = dataclasses.replace(
            self._holder, heartbeat=self._holder.heartbeat + 1
        )
        os.pwrite(self._fd, self._holder.to_bytes(), 0)
        os.fsync(self._fd)  # a network file system would keep it on this host

    def release(self) -> None:
        """Release the lease, if this process holds it."""
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
            # A successor takes over once this process has ended.
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
class _Acquisition:
    """The attempt of a process to acquire the lease."""

    lease: Path
    own: Path
    """A complete lease file under a temporary name, which is linked to take effect."""
    holder: LeaseHolder
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    expiry_s: float

    def write_own(self) -> None:
        """Write the own file, durably."""
        create_durably(self.own, self.holder.to_bytes(), sync_parent=False)

    def take(self, path: Path) -> None:
        """Link the own file to ``path``: the lease, or the right to take one over."""
        while True:
            try:
                os.link(self.own, path)
                return
            except FileExistsError:
                found = read_lease(path)
            if found is None:
                continue
            if found.token == self.holder.token:
                return  # the link was made, and only NFS's answer was lost
            if self._is_dead(path, found) and self._take_over(path, found):
                return

    def _is_dead(self, path: Path, found: LeaseHolder) -> bool:
        """Return whether ``found`` died holding ``path``; false if it released it."""
        is_alive = found.process.is_alive(seen_from=self.holder.process)
        if is_alive is None and self._heartbeat_age_s(path) >= self.expiry_s:
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

    def _heartbeat_age_s(self, path: Path) -> float:
        """Return the seconds since the heartbeat, by the file system's clock."""
        try:
            return self.own.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return 0.0  # released just now, as the next look shows

    def _take_over(self, path: Path, dead: LeaseHolder) -> bool:
        """Replace the lease of ``dead`` at ``path``; false if another process did."""
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

"""Keeps the report of an experiment fresh while it runs.

A process of its own reads the folder as anybody else would and replaces the page: the
driver only starts it and looks whether it has ended.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hpcopt.core.words import duration

#: Where the page lies in the experiment's folder.
REPORT = "report.html"

#: One that takes longer is ended: the next one may do better.
_LONGEST_S = 900.0

#: So long a run that has ended waits for its last page.
_LAST_S = 120.0

logger = logging.getLogger(__name__)


class PageRefresh:
    """Has the page written anew from time to time, never by two processes at once."""

    def __init__(
        self,
        folder: Path,
        every_s: float,
        *,
        config: Path | None = None,
        words: Sequence[str] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            folder: The experiment's folder.
            every_s: How long after a page was begun the next one is, in seconds.
            config: The experiment's config, beside which modules of the user's are
                looked for; by default the folder is all that is known.
            words: The command that writes a page; by default ``hpcopt report``.
            now: A clock, in seconds.
        """
        self.path = folder / REPORT
        report = [sys.executable, "-m", "hpcopt", "report", str(config or folder)]
        # Whatever else runs on this machine goes first.
        default = ["nice", "-n", "19", *report, "--output", str(self.path)]
        self._words = default if words is None else list(words)
        self._every_s = every_s
        self._now = now
        self._begun: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._has_complained = False

    def observe(self) -> None:
        """Start the next page if it is time to, and none is being written."""
        if self._is_busy():
            if self._now() - (self._begun or 0.0) > _LONGEST_S:
                self._stop()
                self._complain(f"it took longer than {duration(_LONGEST_S)}")
            return
        if self._begun is None or self._now() - self._begun >= self._every_s:
            self._start()

    def end(self, *, wait: bool) -> None:
        """Have the last page written; one that is being written does not tell the end.

        Args:
            wait: Whether to wait for it, or to leave it to itself.
        """
        if self._is_busy():
            self._stop()
        self._start(is_left=not wait)
        if not wait or self._process is None:
            return
        try:
            _, said = self._process.communicate(timeout=_LAST_S)
        except subprocess.TimeoutExpired:
            self._stop()
            self._complain(f"it took longer than {duration(_LAST_S)}")
            return
        self._ended(self._process.returncode, said)

    def _start(self, *, is_left: bool = False) -> None:
        self._begun = self._now()
        try:
            # A session of its own: Ctrl-C is meant for the driver.
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if is_left else subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as exc:
            self._complain(str(exc))
        else:
            self._process = None if is_left else process

    def _is_busy(self) -> bool:
        """Whether a page is being written; tell of one that failed."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        _, said = self._process.communicate()
        self._ended(self._process.returncode, said)
        return False

    def _ended(self, code: int, said: bytes) -> None:
        self._process = None
        if code:
            lines = said.decode("utf-8", errors="replace").splitlines()
            last = lines[-1].removeprefix("error: ") if lines else ""
            self._complain(last or f"exit code {code}")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _complain(self, why: str) -> None:
        """Say it once: the run matters more."""
        if not self._has_complained:
            logger.warning("the report was not written: %s", why)
        self._has_complained = True

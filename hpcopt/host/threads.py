"""How many threads numerics take, for a while. Loads no numerics.

The threads of a BLAS spin while they wait for each other. Matrices as small as those of
a model gain nothing by them, and where another program has one of the processors, each
product waits for the thread that was put off: a suggestion takes many times as long.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol


class _Library(Protocol):
    """Something loaded that computes with threads: threadpoolctl's, or PyTorch."""

    def get_num_threads(self) -> int:
        """Return how many it takes."""

    def set_num_threads(self, n: int, /) -> None:
        """Let it take so many from now on."""


@dataclass(eq=False)
class _Block:
    """What one ``limited_threads`` asked for, in the thread that it is of."""

    n: int
    thread: int = field(default_factory=threading.get_ident)
    own: dict[str, tuple[_Library, int]] = field(default_factory=dict)
    """The OpenMP runtimes that it limited, and what uses them, by path, and what they
    took before. They count for each thread by itself."""
    limited: set[str] = field(default_factory=set)
    """The paths of all that it limited."""


class _Limits:
    """The blocks that are active, and what is given back when they end.

    A BLAS has one number for the whole process. What it was before the first of the
    blocks that overlap, in whatever threads, is given back with the last.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[_Block] = []
        self._own: dict[str, tuple[_Library, int]] = {}
        self._torch: tuple[_Library, int] | None = None
        self._loaded: dict[str, Any] = {}
        self._n_modules = 0

    def enter(self, n: int) -> _Block:
        """Begin a block."""
        block = _Block(n)
        with self._lock:
            self._active.append(block)
            self._limit(block)
        return block

    def extend(self) -> None:
        """Limit what was loaded since this thread's innermost block began."""
        with self._lock:
            block = self._innermost()
            if block is not None:
                self._limit(block)

    def leave(self, block: _Block) -> None:
        """End a block: what is around it holds again, or what was before."""
        with self._lock:
            self._active.remove(block)
            for library, n in self._own.values():
                _set(library, self._active[-1].n if self._active else n)
            for library, n in block.own.values():
                _set(library, n)
            if self._torch is not None:
                # For this thread, and for those to come; not for others that run.
                library, n = self._torch
                around = self._innermost()
                library.set_num_threads(n if around is None else around.n)
            if not self._active:
                self._own.clear()
                self._torch = None

    def _innermost(self) -> _Block | None:
        here = threading.get_ident()
        return next((b for b in reversed(self._active) if b.thread == here), None)

    def _limit(self, block: _Block) -> None:
        torch = sys.modules.get("torch")
        # Not while another thread is still importing it.
        if torch is not None and hasattr(torch, "set_num_threads"):
            # Its numbers go beyond OpenMP's: MKL is built into it. To ask it for the
            # first time in a thread gives it those that its first use would, so this
            # comes before anything is limited.
            n = torch.get_num_threads()
            if self._torch is None:
                self._torch = torch, n
        self._scan()
        for path, library in self._loaded.items():
            if path in block.limited:
                continue
            block.limited.add(path)
            if "openmp" in (library.user_api, library.info().get("threading_layer")):
                block.own[path] = library, library.get_num_threads()
            elif path not in self._own:
                self._own[path] = library, library.get_num_threads()
            _set(library, block.n)
        if self._torch is not None:
            self._torch[0].set_num_threads(block.n)

    def _scan(self) -> None:
        """Look what is loaded, which takes a millisecond, where anything may be new."""
        n_modules = len(sys.modules)
        if n_modules == self._n_modules:
            return
        # For no process that never computes.
        from threadpoolctl import ThreadpoolController

        found = ThreadpoolController().lib_controllers
        self._loaded = {library.filepath: library for library in found}
        self._n_modules = len(sys.modules)


def _set(library: Any, n: int) -> None:
    """Let a library of threadpoolctl's take ``n`` threads.

    threadpoolctl lets only the thread that was first at it set the number of an
    OpenBLAS, and does nothing, without a word, for others.
    """
    release = getattr(library, "clear_controlling_thread", None)  # since 3.8
    if release is not None:
        release(force=True)
    library.set_num_threads(n)
    if release is not None:
        release(force=True)


_LIMITS = _Limits()


@contextmanager
def limited_threads(n: int) -> Iterator[None]:
    """Let numerics take ``n`` threads in the block, and then as many as before.

    That holds for each BLAS and each OpenMP runtime that is loaded, and for PyTorch, on
    errors too. Blocks may be nested, and different threads may have theirs at the same
    time; where they ask for different numbers, a BLAS takes the latest.

    Args:
        n: How many; a library that was built for fewer takes fewer.
    """
    block = _LIMITS.enter(n)
    try:
        yield
    finally:
        _LIMITS.leave(block)


def limit_loaded() -> None:
    """Limit also what was loaded after the block began; call it after an import.

    Does nothing outside of ``limited_threads``.
    """
    _LIMITS.extend()

"""The properties of a plotly figure, of which none is overlooked.

What is neither read nor known to change no drawing is told: a figure that says what is
not understood is refused, as a picture of half of it would be a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import HpcoptError


class UntranslatableError(HpcoptError):
    """A figure says what cannot be drawn here; the message says what."""


class Properties:
    """A part of a figure, which notes what of it is read."""

    def __init__(self, values: Mapping[str, Any] | None, where: str) -> None:
        """Wrap a part.

        Args:
            values: As plotly's JSON has it, arrays as arrays.
            where: What it is, for messages.
        """
        self._values = {k: v for k, v in (values or {}).items() if v is not None}
        self.where = where
        self._read: set[str] = set()
        self._parts: dict[str, Properties] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property, or ``default`` where it is not set."""
        self._read.add(name)
        return self._values.get(name, default)

    def one_of(self, name: str, known: Sequence[Any], default: Any) -> Any:
        """Return a property that has one of few values.

        Raises:
            UntranslatableError: It has another.
        """
        found = self.get(name, default)
        if name not in self._values:
            return default
        if isinstance(found, np.ndarray | list) or found not in known:
            raise UntranslatableError(
                f"{self.where}: {name} is {_short(found)}, which is not drawn here"
            )
        return found

    def part(self, name: str) -> Properties:
        """Return what is below a property, empty where it is not set."""
        self._read.add(name)
        if name not in self._parts:
            found = self._values.get(name)
            if isinstance(found, str):  # as a title is written in short
                found = {"text": found}
            self._parts[name] = Properties(found, f"{self.where}.{name}")
        return self._parts[name]

    def numbers(self, name: str) -> npt.NDArray[np.float64] | None:
        """Return numbers, NaN in place of nothing; ``None`` where it is not set."""
        found = self.get(name)
        if found is None:
            return None
        return np.array(found, dtype=np.float64)

    def skip(self, *names: str) -> None:
        """Note properties that change nothing that is drawn."""
        self._read.update(names)

    def unread(self) -> Iterator[str]:
        """Yield the properties that were not read, nor noted."""
        yield from sorted(
            f"{self.where} has {name}" for name in self._values.keys() - self._read
        )
        for part in self._parts.values():
            yield from part.unread()

    def check(self) -> None:
        """Check that all was read.

        Raises:
            UntranslatableError: Something was not.
        """
        if unread := next(self.unread(), None):
            raise UntranslatableError(f"{unread}, which is not drawn here")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, as names of properties are written here."""
    return tuple(text.split())


def _short(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 40 else f"{written[:39]}…"

"""The ``#SBATCH`` lines of a script, as sbatch reads them.

sbatch looks at lines that begin with ``#SBATCH``, up to the first that is neither blank
nor a comment.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

MARK = "#SBATCH"

#: The one-letter options of sbatch that are not followed by a value.
_SHORT_FLAGS = {
    "H": "hold",
    "O": "overcommit",
    "Q": "quiet",
    "V": "version",
    "W": "wait",
    "h": "help",
    "k": "no-kill",
    "s": "oversubscribe",
    "v": "verbose",
}

#: Those that are.
_SHORT_OPTIONS = {
    "A": "account",
    "B": "extra-node-info",
    "C": "constraint",
    "D": "chdir",
    "F": "nodefile",
    "G": "gpus",
    "J": "job-name",
    "L": "licenses",
    "M": "clusters",
    "N": "nodes",
    "S": "core-spec",
    "a": "array",
    "b": "begin",
    "c": "cpus-per-task",
    "d": "dependency",
    "e": "error",
    "i": "input",
    "m": "distribution",
    "n": "ntasks",
    "o": "output",
    "p": "partition",
    "q": "qos",
    "t": "time",
    "w": "nodelist",
    "x": "exclude",
}


@dataclass(frozen=True)
class Directive:
    """One ``#SBATCH`` line."""

    line: int
    text: str
    after: str
    """The first command of the script if the line stands after it: it has no effect."""

    @property
    def words(self) -> list[str]:
        """What sbatch takes from the line.

        Raises:
            ValueError: Quotes are not closed.
        """
        return shlex.split(self.text.removeprefix(MARK), comments=True)

    @property
    def options(self) -> list[tuple[str, str | None]]:
        """The options by long name with their values; ``None`` for a flag.

        Words that are neither come as options of the name ``""``.

        Raises:
            ValueError: Quotes are not closed.
        """
        return list(_options(self.words))


def directives(script: str) -> list[Directive]:
    """Return the ``#SBATCH`` lines of a script."""
    found = []
    command = ""
    for number, line in enumerate(script.split("\n"), start=1):
        if line.startswith(MARK):
            found.append(Directive(number, line, command))
        elif line.strip() and not line.lstrip().startswith("#"):
            command = command or line
    return found


def _options(words: list[str]) -> Iterator[tuple[str, str | None]]:
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, is_given, value = word[2:].partition("=")
            yield name, value if is_given else _taken(left)
        elif word.startswith("-") and word[1:2] in _SHORT_FLAGS:
            yield _SHORT_FLAGS[word[1]], None
            if word[2:]:
                left.insert(0, f"-{word[2:]}")
        elif word.startswith("-") and word[1:2] in _SHORT_OPTIONS:
            yield _SHORT_OPTIONS[word[1]], word[2:] or _taken(left)
        else:
            yield "", word


def _taken(left: list[str]) -> str | None:
    """Take the next word as a value, unless it is an option itself."""
    return left.pop(0) if left and not left[0].startswith("-") else None

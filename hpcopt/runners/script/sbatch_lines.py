"""The ``#SBATCH`` lines of a script, as sbatch reads them.

sbatch looks at lines that begin with ``#SBATCH``, up to the first that is neither blank
nor a comment.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcopt.core.errors import ConfigError

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


#: What hpcopt gives to sbatch on its command line, which wins over the script.
MANAGED = {
    "job-name": "",
    "output": "; the log is log.txt in the folder of the attempt",
    "error": "; the log is log.txt in the folder of the attempt",
    "open-mode": "",
    "parsable": "",
}

#: What would make another job of it, and why that cannot be.
FORBIDDEN = {
    "array": "each trial is a job, or a task of an array that hpcopt makes",
    "help": "nothing would be submitted",
    "test-only": "nothing would be submitted",
    "usage": "nothing would be submitted",
    "version": "nothing would be submitted",
    "wait": "the trials would run one after another",
    "wrap": "the script itself is what runs",
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


def checked_directives(script: str, template: Path) -> tuple[str, ...]:
    """Return the ``#SBATCH`` lines of a script.

    Raises:
        ConfigError: The script has no shebang, or a ``#SBATCH`` line that sbatch would
            not see or that hpcopt cannot have.
    """
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        raise ConfigError(
            f"{template}, line 1: expected a shebang such as #!/bin/bash, "
            f"found {first!r}"
        )
    found = directives(script)
    for each in found:
        where = f"{template}, line {each.line} of the script"
        if each.after:
            raise ConfigError(
                f"{where}: {each.text!r} stands after the first command, "
                f"{each.after!r}; sbatch does not look at it there"
            )
        try:
            names = {full_name(name) for name, _ in each.options}
        except ValueError as exc:
            raise ConfigError(f"{where}: {each.text!r}: {exc}") from exc
        for name in sorted(names & FORBIDDEN.keys()):
            raise ConfigError(
                f"{where}: --{name} cannot be used in a trial's script: "
                f"{FORBIDDEN[name]}"
            )
    return tuple(each.text for each in found)


def full_name(given: str) -> str:
    """Return the managed or forbidden option that sbatch takes ``given`` for."""
    if len(given) > 2:
        for name in (*MANAGED, *FORBIDDEN):
            if name.startswith(given):
                return name
    return given


def option_value(
    option: str, options: Mapping[str, str | None], lines: Sequence[str]
) -> str | None:
    """Return the value of an option, from the command line or the latest directive."""
    if option in options:
        return options[option]
    found = [
        value
        for directive in directives("\n".join(lines))
        for name, value in directive.options
        if name == option
    ]
    return found[-1] if found else None


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

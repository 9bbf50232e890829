"""Where in a script a value stands, in the language that its first line names.

A value that is quoted as a word of its own is safe only where a word can stand: within
quotes, its own quotes would close those around it. What follows bash here is no parser:
it follows quotes, comments, substitutions and here-documents, on which quoting depends.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from enum import Enum, auto

_SHELL = re.compile(r"\b(ba|da|z|k|mk|a|c|tc)?sh\b")
_PYTHON = re.compile(r"\bpython[\d.]*\b")


class Language(Enum):
    """A language in which hpcopt can write values, or any other one."""

    SHELL = auto()
    PYTHON = auto()
    OTHER = auto()


class Context(Enum):
    """Where a place in a shell script is."""

    PLAIN = "plain"
    SINGLE = "single quotes"
    ANSI_C = "dollar-single quotes"
    DOUBLE = "double quotes"
    BACKTICK = "backticks"
    BRACE = "a parameter expansion"
    ARITHMETIC = "an arithmetic expression"
    COMMENT = "a comment"
    HERE_DOCUMENT = "a here-document"


def language_of(shebang: str) -> Language:
    """Return the language of a script with this first line; a shell's without one."""
    if not shebang.startswith("#!"):
        return Language.SHELL
    if _PYTHON.search(shebang):
        return Language.PYTHON
    return Language.SHELL if _SHELL.search(shebang) else Language.OTHER


def places(language: Language, marked: str, mark: str) -> Sequence[Context]:
    """Return where in a script the marks stand, in their order.

    In a language that is not known each stands within quotes, where only plain words
    are safe.

    Raises:
        ValueError: The script is no Python.
    """
    match language:
        case Language.SHELL:
            return list(contexts(marked, mark))
        case Language.PYTHON:
            return _python_places(marked, mark)
    return [Context.DOUBLE] * marked.count(mark)


def _python_places(marked: str, mark: str) -> Sequence[Context]:
    pieces = marked.split(mark)
    names = [f"hpcopt_value_{k}_" for k in range(len(pieces) - 1)]
    source = "".join(
        piece + name for piece, name in zip(pieces, [*names, ""], strict=True)
    )
    found = dict.fromkeys(names, Context.DOUBLE)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and token.string in found:
                found[token.string] = Context.PLAIN
            elif token.type == tokenize.COMMENT:
                for name in re.findall(r"hpcopt_value_\d+_", token.string):
                    found[name] = Context.COMMENT
    except (tokenize.TokenError, SyntaxError) as exc:
        raise ValueError(f"expected Python, as the first line says: {exc}") from exc
    return list(found.values())


_HERE_DOCUMENT = re.compile(r"<<(-?)\s*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([\w.+-]+))")

#: What opens a context, the longer before what it begins with.
_OPENINGS = (
    ("$((", Context.ARITHMETIC),
    ("$(", Context.PLAIN),
    ("${", Context.BRACE),
    ("$'", Context.ANSI_C),
    ("((", Context.ARITHMETIC),
    ("(", Context.PLAIN),
    ("'", Context.SINGLE),
    ('"', Context.DOUBLE),
    ("`", Context.BACKTICK),
)

#: Those that mean themselves within double quotes.
_PLAIN_IN_DOUBLE = ("$'", "((", "(", "'")

_CLOSINGS = {
    Context.DOUBLE: '"',
    Context.BACKTICK: "`",
    Context.BRACE: "}",
    Context.ARITHMETIC: "))",
}


def contexts(script: str, mark: str) -> Iterator[Context]:
    """Yield the context of each ``mark``, one character, in ``script``."""
    return _Scanner(script, mark).scan()


class _Scanner:
    def __init__(self, script: str, mark: str) -> None:
        self._script = script
        self._mark = mark
        self._at = 0
        self._stack = [Context.PLAIN]
        """What the place is in, innermost last; ``PLAIN`` also for ``$(``."""
        self._documents: list[tuple[str, bool]] = []
        """The here-documents that begin on the next line: their ends, tabs or not."""

    def scan(self) -> Iterator[Context]:
        while self._at < len(self._script):
            character = self._script[self._at]
            if character == self._mark:
                yield self._stack[-1]
                self._at += 1
            elif self._stack[-1] is Context.SINGLE:
                self._at += 1
                if character == "'":
                    self._stack.pop()
            elif character == "\\":
                self._at += 2
            elif self._stack[-1] is Context.ANSI_C:
                self._at += 1
                if character == "'":
                    self._stack.pop()
            elif self._stack[-1] is Context.PLAIN:
                yield from self._plain(character)
            else:
                self._quoted(character)

    def _plain(self, character: str) -> Iterator[Context]:
        if character == "#" and self._begins_word():
            yield from self._skip_to(self._script.find("\n", self._at), Context.COMMENT)
            return
        if self._script.startswith("<<<", self._at):
            self._at += 3
            return
        here = _HERE_DOCUMENT.match(self._script, self._at)
        if here:
            word = here[2] or here[3] or here[4]
            self._documents.append((word, bool(here[1])))
            self._at = here.end()
            return
        for opening, context in _OPENINGS:
            if self._script.startswith(opening, self._at):
                self._open(context, len(opening))
                return
        if character == ")" and len(self._stack) > 1:
            self._close(1)
        else:
            self._at += 1
            if character == "\n":
                yield from self._skip_documents()

    def _quoted(self, character: str) -> None:
        """Move on within double quotes, backticks, braces or arithmetic."""
        inside = self._stack[-1]
        closing = _CLOSINGS[inside]
        if self._script.startswith(closing, self._at):
            self._close(len(closing))
            return
        for opening, context in _OPENINGS:
            is_literal = inside is Context.DOUBLE and opening in _PLAIN_IN_DOUBLE
            if not is_literal and self._script.startswith(opening, self._at):
                self._open(context, len(opening))
                return
        self._at += 1

    def _open(self, context: Context, width: int) -> None:
        self._stack.append(context)
        self._at += width

    def _close(self, width: int) -> None:
        self._stack.pop()
        self._at += width

    def _begins_word(self) -> bool:
        return self._at == 0 or self._script[self._at - 1] in " \t\n;|&("

    def _skip_documents(self) -> Iterator[Context]:
        for word, has_tabs in self._documents:
            indent = r"\t*" if has_tabs else ""
            pattern = re.compile(rf"^{indent}{re.escape(word)}$", re.MULTILINE)
            end = pattern.search(self._script, self._at)
            yield from self._skip_to(end.end() if end else -1, Context.HERE_DOCUMENT)
        self._documents.clear()

    def _skip_to(self, end: int, context: Context) -> Iterator[Context]:
        end = len(self._script) if end < 0 else end
        for _ in range(self._script.count(self._mark, self._at, end)):
            yield context
        self._at = end

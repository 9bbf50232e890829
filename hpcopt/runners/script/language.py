"""How values are written into a script, by the language that its first line names."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from enum import Enum, auto

from hpcopt.runners.script.shell_context import Context, contexts

_SHELL = re.compile(r"\b(ba|da|z|k|mk|a|c|tc)?sh\b")
_PYTHON = re.compile(r"\bpython[\d.]*\b")


class Language(Enum):
    """A language in which hpcopt can write values, or any other one."""

    SHELL = auto()
    PYTHON = auto()
    OTHER = auto()


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

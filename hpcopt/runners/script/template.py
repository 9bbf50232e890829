"""Jinja2 templates of scripts, in which every value is quoted for their language."""

from __future__ import annotations

import json
import re
import shlex
import traceback
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from typing_extensions import override

from hpcopt.core.errors import ConfigError
from hpcopt.runners.script.quoting import Context, Language, language_of, places

#: What an expression in a template may raise, beside Jinja's own errors.
_EXPRESSION_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError)

#: Stands for a value while the text around it is looked at.
_MARK = "\x00"

#: The name under which a script being rendered keeps its values.
_VALUES = "_hpcopt_values"

#: bash has ``${#array[@]}``, so ``{#`` cannot begin a comment here.
_SYNTAX: Mapping[str, Any] = {
    "comment_start_string": "{%#",
    "comment_end_string": "#%}",
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}


class ShellText(str):
    """Text that is shell already and is not quoted again."""

    __slots__ = ()


class _Undefined(jinja2.StrictUndefined):
    """Names what there is when a mapping lacks what was asked of it."""

    @property
    @override
    def _undefined_message(self) -> str:
        obj = self._undefined_obj
        if isinstance(obj, Mapping):
            known = ", ".join(sorted(map(str, obj)))
            return f"{self._undefined_name!r} is not there; the names are: {known}"
        return super()._undefined_message


@jinja2.pass_context
def _keep(context: jinja2.runtime.Context, value: object) -> str:
    """Put the mark in the value's place.

    Taking the context keeps Jinja from finalizing constants when it compiles, which is
    before, and in another order than, everything else.
    """
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises, naming what is undefined
    context[_VALUES].append(value)
    return _MARK


@cache
def _script_environment(folder: Path) -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(folder)
    return jinja2.Environment(
        **_SYNTAX, undefined=_Undefined, finalize=_keep, loader=loader
    )


@lru_cache(maxsize=1024)
def _text_template(source: str) -> jinja2.Template:
    return jinja2.Environment(
        **_SYNTAX, undefined=_Undefined, finalize=_plain
    ).from_string(source)


def render_text(source: str, names: Mapping[str, object], where: str) -> str:
    """Return ``source`` with its expressions replaced, as plain text.

    Raises:
        ConfigError: An expression is malformed, fails, or uses an unknown name; the
            message begins with ``where``.
    """
    try:
        return _text_template(source).render(names)
    except (jinja2.TemplateError, *_EXPRESSION_ERRORS) as exc:
        raise _config_error(where, exc, names) from exc


def render_script(template: Path, names: Mapping[str, object]) -> str:
    """Return the shell script that ``template`` becomes.

    Raises:
        ConfigError: The template cannot be read, uses an unknown name, or puts a value
            where quoting does not protect it: within quotes, or on several lines in a
            comment.
    """
    read_template(template)
    values: list[object] = []
    try:
        script = _script_environment(template.parent).get_template(template.name)
        marked = script.render({**names, _VALUES: values})
    except (jinja2.TemplateError, *_EXPRESSION_ERRORS) as exc:
        raise _config_error(str(template), exc, names) from exc
    return _fill(marked, values, template)


def _fill(marked: str, values: list[object], template: Path) -> str:
    pieces = marked.split(_MARK)
    if len(pieces) != len(values) + 1:
        raise ConfigError(
            f"{template}: expected each expression to be written where it stands; "
            "one within a macro, a call or a set block cannot be quoted"
        )
    language = language_of(_first_line(marked, values))
    try:
        contexts = _places(language, marked)
    except ValueError as exc:
        raise ConfigError(f"{template}: {exc}") from exc
    script = pieces[0]
    for context, value, piece in zip(contexts, values, pieces[1:], strict=True):
        text = _written(value, context, language)
        _check_context(context, value, text, f"{template}, line {_line(script)}")
        script += text + piece
    return script


def _first_line(marked: str, values: list[object]) -> str:
    line = marked.partition("\n")[0]
    for value in values[: line.count(_MARK)]:
        line = line.replace(_MARK, _plain(value), 1)
    return line


@lru_cache(maxsize=16)
def _places(language: Language, marked: str) -> tuple[Context, ...]:
    """Return where the marks stand, which most trials of an experiment share."""
    return tuple(places(language, marked, _MARK))


def _written(value: object, context: Context, language: Language) -> str:
    """Return a value as it is written into a script of the language."""
    if isinstance(value, ShellText):
        return value
    if language is Language.SHELL:
        return shlex.quote(_plain(value))
    if language is Language.PYTHON and context is Context.PLAIN:
        _plain(value)  # it is text that a program can take
        return repr(value)
    return _plain(value)


def _check_context(context: Context, value: object, text: str, where: str) -> None:
    """Raise unless quoting protects ``value`` where it stands."""
    if context is Context.PLAIN or re.fullmatch(r"[\w@%+=:,./-]*", text, re.ASCII):
        return
    if context is Context.COMMENT:
        if "\n" in text and not isinstance(value, ShellText):
            raise ConfigError(
                f"{where} of the script: expected a value of one line within a "
                f"comment, found {str(value)!r}"
            )
        return
    if isinstance(value, ShellText):
        return
    raise ConfigError(
        f"{where} of the script: hpcopt quotes the value {str(value)!r}, for the shell "
        "or for Python; it cannot stand within quotes or a here-document (remove the "
        "quotes around the expression), nor in another language"
    )


def _line(text: str) -> int:
    return text.count("\n") + 1


def _plain(value: object) -> str:
    """Return a value as text: mappings and lists as JSON, all else as Python does."""
    is_json = isinstance(value, (Mapping, list, tuple))
    text = json.dumps(value) if is_json else str(value)
    if "\x00" in text or any("\ud800" <= c <= "\udbff" for c in text):
        raise ConfigError(f"expected text that a command can take, found {value!r}")
    return text


def read_template(template: Path) -> str:
    """Return the text of a template.

    Raises:
        ConfigError: It cannot be read, or is no text that bash can read.
    """
    try:
        content = template.read_bytes()
    except OSError as exc:
        raise ConfigError(f"job.template: {template}: {exc.strerror}") from exc
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.endswith(b"\r"):
            raise ConfigError(
                f"{template}, line {number}: expected lines that end as on Unix, "
                "found a carriage return; dos2unix removes it"
            )
        if b"\x00" in line:
            raise ConfigError(f"{template}, line {number}: found a NUL character")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        number = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{template}, line {number}: expected UTF-8 text") from exc


def _config_error(
    where: str, exc: Exception, names: Mapping[str, object]
) -> ConfigError:
    if isinstance(exc, jinja2.TemplateSyntaxError):
        return ConfigError(f"{where}, line {exc.lineno}: {exc.message}")
    # Jinja makes its frames look as if the template were a Python file.
    frames = traceback.extract_tb(exc.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == where]
    line = f", line {numbers[-1]}" if numbers else ""
    known = ""
    if isinstance(exc, jinja2.UndefinedError) and str(exc).endswith(" is undefined"):
        known = f"; the names are: {', '.join(sorted(names))}"
    return ConfigError(f"{where}{line}: {exc}{known}")

"""Checks whether the program of a config exists, as far as that can be seen here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hpcopt.config.file import LoadedConfig
from hpcopt.core.errors import ConfigError
from hpcopt.runners.script.shipped import find_template, shipped_templates
from hpcopt.runners.script.template import render_text

#: The suffixes of files that an interpreter is told to run.
_SCRIPT_SUFFIXES = (".py", ".sh", ".R", ".jl", ".m", ".pl")


@dataclass(frozen=True)
class ProgramFinding:
    """What the check of the program found."""

    text: str
    is_error: bool = False
    is_doubtful: bool = False
    """Whether it may be there on the node where the trial runs."""


def look_for_program(loaded: LoadedConfig) -> ProgramFinding:
    """Return whether the program of ``loaded`` is there.

    What a template of the user's own or lines of setup may provide (modules,
    containers) is doubtful when it is missing here, and no error.
    """
    job = loaded.config.job
    if job.function is not None:
        shown = job.function
        module, folders = job.function.partition(":")[0], (_directory(loaded),)
        missing = missing_module(
            "job.function", module, (*folders, loaded.config_folder)
        )
    elif job.command is not None:
        words = _known_words(job.command[:2], loaded)
        shown = " ".join(words) or "depends on the parameters"
        missing = _missing_word(words, loaded)
    else:
        return ProgramFinding(f"what {job.template} runs")
    if missing:
        is_provided = bool(job.setup) or not _is_shipped(job.template, loaded)
        return ProgramFinding(
            missing, is_error=not is_provided, is_doubtful=is_provided
        )
    return ProgramFinding(shown)


def _is_shipped(template: str, loaded: LoadedConfig) -> bool:
    """Whether a template does no more than to run the command."""
    found = find_template(template, loaded.config_folder)
    texts = [path.read_bytes() for path in shipped_templates().values()]
    return found.read_bytes() in texts


def _known_words(words: Sequence[str], loaded: LoadedConfig) -> list[str]:
    """Return the first words rendered, as far as they are the same for all trials."""
    names = {"python": sys.executable, "config": {"folder": str(loaded.config_folder)}}
    known = []
    for position, word in enumerate(words):
        try:
            known.append(render_text(word, names, f"job.command[{position}]"))
        except ConfigError:
            break  # it names something of the trial; rendering that is another check
    return known


def _directory(loaded: LoadedConfig) -> Path:
    """Return where the program runs, or the config's folder if that varies."""
    words = _known_words([loaded.config.job.directory], loaded)
    return loaded.config_folder / (words[0] if words else "")


def missing_module(key: str, module: str, folders: Sequence[Path]) -> str:
    """Return that a Python module is not there, as a sentence; empty if it is.

    Args:
        key: The key of the config that names it.
        module: Its dotted name.
        folders: Where it is looked for before it is among what is installed.
    """
    path = Path(*module.split("."))
    for folder in folders:
        if (folder / path).with_suffix(".py").exists() or (folder / path).is_dir():
            return ""
    if find_spec(module.partition(".")[0]) is not None:
        return ""
    return f"{key}: expected a module {module} in {folders[0]} or installed, found none"


def _missing_word(words: Sequence[str], loaded: LoadedConfig) -> str:
    """Return which of a command's first words is not there, as a sentence."""
    for position, word in enumerate(words):
        is_program = position == 0
        if is_program and "/" not in word:
            if shutil.which(word) is None:
                return f"job.command: expected a program {word!r} on PATH, found none"
        elif is_program or word.endswith(_SCRIPT_SUFFIXES):
            path = _directory(loaded) / word
            if not path.exists():
                return f"job.command: expected a file {path}, found none"
    return ""

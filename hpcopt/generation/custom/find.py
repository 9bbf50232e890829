"""A user's own class or function, by its name. Loads nothing but the user's module."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from hpcopt.core.errors import ConfigError


def find(what: str, name: str, folder: str | None) -> Any:
    """Return what ``name`` names, as ``module:attribute``; imports the module.

    Args:
        what: The key of the config that names it.
        name: Where it is.
        folder: Where the module is looked for first.

    Raises:
        ConfigError: There is no such thing.
    """
    module, _, attribute = name.partition(":")
    if folder is not None and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as exc:  # whatever the import of a user's module may raise
        where = "that is installed" if folder is None else f"in {folder} or installed"
        raise ConfigError(
            f"{what}: expected {attribute} in a module {module} {where}, "
            f"found {type(exc).__name__}: {exc}"
        ) from exc
    return found

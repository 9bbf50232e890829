"""Says what to install where a verb needs a package that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from hpcopt.core.errors import MissingPackageError

#: What asks the model needs these.
OF_MODELS = ("torch", "botorch", "scipy")


def check_installed(what: str, packages: Sequence[str], instead: str = "") -> None:
    """Make sure that packages are installed, without loading them.

    Args:
        what: Who needs them, as the beginning of a sentence.
        packages: By the names by which they are imported and installed.
        instead: What can be done without them, as the end of the sentence.

    Raises:
        MissingPackageError: One is not.
    """
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        rest = f"; {instead}" if instead else ""
        raise MissingPackageError(
            f"{what} needs {', '.join(packages)}, and {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not installed here: ask where "
            f"hpcopt is installed in full, or pip install {' '.join(missing)}{rest}"
        )


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False

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


#: The names by which packages are installed, where they are imported by others.
_PROJECTS = {"yaml": "PyYAML", "sklearn": "scikit-learn"}


def missing_package(exc: BaseException) -> str | None:
    """Return the package for want of which something was raised; ``None`` if none."""
    if not isinstance(exc, ModuleNotFoundError) or exc.name is None:
        return None
    package = exc.name.partition(".")[0]
    return None if package == "hpcopt" else package


def needs(package: str) -> str:
    """Return that a package is needed, and what to do, as the end of a sentence."""
    project = _PROJECTS.get(package, package)
    return (
        f"needs {project}, which is not installed here: pip install {project}, or ask "
        "where hpcopt is installed in full"
    )


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False

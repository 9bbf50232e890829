"""A report of an unexpected error, for whoever is asked to help."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
import traceback
from importlib import metadata
from pathlib import Path

from hpcopt import __version__

#: What the result of a run may depend on.
PACKAGES = (
    "hpcopt",
    "botorch",
    "gpytorch",
    "torch",
    "numpy",
    "scipy",
    "h5py",
    "submitit",
    "pydantic",
    "click",
    "rich",
)


def version_of(package: str) -> str | None:
    """Return the version of an installed package, without loading it."""
    if package == "hpcopt":  # what runs, which in a clone may be newer than installed
        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def write_report(folder: Path | None) -> Path:
    """Write the traceback of the present exception to a new file and return its path.

    Args:
        folder: The experiment's folder; the folder for temporary files is taken
            where that does not exist or cannot be written.
    """
    name = f"error-{time.strftime('%Y%m%dT%H%M%S')}.log"
    lines = [
        f"command   {' '.join(sys.argv)}",
        f"python    {sys.version.split()[0]} on {platform.platform()}",
        *(f"{package:<9} {version_of(package)}" for package in PACKAGES),
        "",
        traceback.format_exc(),
    ]
    text = "\n".join(lines)
    if folder is not None and folder.is_dir():
        path = folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            pass  # a copy that is not ours to write; the temporary folder is
        else:
            return path
    with tempfile.NamedTemporaryFile(
        "w", prefix="hpcopt-", suffix=f"-{name}", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    return Path(file.name)

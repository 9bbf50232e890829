"""A Python environment for each package that is measured, below ``.bench``.

They are apart from hpcopt's own, which none of them may change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.common.paths import ROOT

BENCH = ROOT / ".bench"

#: What is installed for each method, beside torch and BoTorch of constraints.txt.
_PACKAGES = {
    "ax": ["ax-platform==1.3.1"],
    "optuna": ["optuna==5.0.0"],
    "smac": ["smac==2.4.1"],
    # HEBO's own pins ask for a numpy of 2022; without them it runs on today's.
    "hebo": [
        "numpy<2.3",
        "pymoo",
        "disjoint-set",
        "scikit-learn",
        "pandas",
        "catboost",
    ],
}

#: What is installed without what it asks for.
_WITHOUT_DEPENDENCIES = {"hebo": ["hebo==0.3.6"]}

#: The functions of BBOB, which all environments share.
_COCO = "coco-experiment==2.8.2"


def python_for(method: str) -> Path:
    """Return the interpreter that has what the method needs; make it the first time.

    Raises:
        CalledProcessError: The environment could not be made.
    """
    package = method.partition("-")[0]
    if package not in _PACKAGES:
        return Path(sys.executable)
    folder = BENCH / package
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"Installing {' '.join(_PACKAGES[package])} into {folder}.", flush=True)
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        torch, botorch = (
            next(pin for pin in pins if pin.startswith(f"{name}=="))
            for name in ("torch", "botorch")
        )
        # Torch first and alone, as in scripts/_environment.sh.
        install = [str(python), "-m", "pip", "install", "--quiet"]
        for packages in ([torch], [botorch, *_PACKAGES[package]]):
            _run(*install, *packages)
        if bare := _WITHOUT_DEPENDENCIES.get(package):
            _run(*install, "--no-deps", *bare)
        (folder / "installed").touch()
    return python


def coco_folder() -> Path:
    """Return the folder of the functions of BBOB; fill it the first time.

    Raises:
        CalledProcessError: They could not be installed.
    """
    folder = BENCH / "coco"
    if not folder.exists():
        print(f"Installing {_COCO} into {folder}.", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        _run(*pip, "--target", str(folder), _COCO)
    return folder


def _run(*command: str) -> None:
    subprocess.run(command, check=True)

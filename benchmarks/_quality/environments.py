"""A Python environment for each package that is measured, below ``.bench``.

They are apart from hpcopt's own, which none of them may change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"

#: What is installed for each method, beside torch and BoTorch of constraints.txt.
_PACKAGES = {
    "ax": ["ax-platform==1.3.1"],
    "optuna": ["optuna==5.0.0"],
    "smac": ["smac==2.4.1"],
    "hebo": ["hebo==0.3.6"],
}


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
        for packages in ([torch], [botorch, *_PACKAGES[package]]):
            _run(str(python), "-m", "pip", "install", "--quiet", *packages)
        (folder / "installed").touch()
    return python


def _run(*command: str) -> None:
    subprocess.run(command, check=True)

"""An experiment of three trials that wait for the test, and a driver that runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_until

PROGRAM = """
import sys, time
from pathlib import Path
folder, x = Path(sys.argv[1]), float(sys.argv[2])
while Path("gate").exists() and not Path("open").exists():
    time.sleep(0.02)
if Path("fails").exists():
    sys.exit(3)
import h5py
with h5py.File(folder / "result.h5", "w") as file:
    file["loss"] = (x - 0.3) ** 2
"""

EXPERIMENT = """
name: tiny
folder: out
parameters:
  - {name: x, type: range, bounds: [0, 1]}
objective: "-loss"
metrics:
  - {name: loss, dataset: /loss}
job:
  runner: local
  command: ["{{ python }}", program.py, "{{ trial.folder }}", "{{ x }}"]
  result_grace_s: 30
run:
  max_trials: 3
  parallelism: 3
  initial_seconds_between_polls: 0.05
generation: {method: sobol}
"""


def make_config(folder: Path) -> Path:
    """Write the experiment's config and its program, and return the config."""
    path = folder / "tiny.yaml"
    path.write_text(EXPERIMENT)
    (folder / "program.py").write_text(PROGRAM)
    return path


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the driver with trials that wait for a file ``open``."""
    (config.parent / "gate").touch()
    words = [sys.executable, "-m", "hpcopt", "run", str(config)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(list((config.parent).glob("out/**/started"))) == 3)
        yield process
    finally:
        (config.parent / "open").touch()
        process.kill()
        process.communicate()

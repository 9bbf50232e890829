"""The chaos benchmarks with small numbers: each exits with 1 at a violation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("slurm/requeues", ["--count", "12", "--jobs", "4"]),
        ("slurm/kills", ["--trials", "20", "--minutes", "8", "--no-every-point"]),
        ("slurm/outages", ["--trials", "4", "--without", "slurmctld"]),
        ("slurm/restarts", ["--kills", "2", "--trials", "48", "--seconds", "8"]),
    ],
)
def test_chaos_in_small(
    name: str, options: list[str], slurm_conf: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS), name, *options],
        env={
            **os.environ,
            "SLURM_CONF": str(slurm_conf),
            "HPCOPT_SLURM_DEV": str(slurm_conf.parent.parent),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

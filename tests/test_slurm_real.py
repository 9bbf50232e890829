"""The Slurm runner on a real one-host Slurm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner_contract import RunnerContract
from slurm_support import RealSlurm

pytestmark = pytest.mark.slurm


@pytest.fixture
def slurm(tmp_path: Path, slurm_conf: Path) -> Iterator[RealSlurm]:
    # A name that is hard on shells, and on Slurm's patterns for the names of logs.
    real = RealSlurm(tmp_path / "it's 100%j \"a\" $(rm) folder", slurm_conf)
    yield real
    real.cancel_all()


@pytest.fixture
def world(slurm: RealSlurm) -> RealSlurm:
    return slurm


class TestSlurmRunner(RunnerContract):
    pass

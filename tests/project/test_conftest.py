"""The guard of the tests guards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def test_no_slurm_can_be_reached_without_the_marker() -> None:
    assert not Path(os.environ["SLURM_CONF"]).exists()


@pytest.mark.slurm
def test_what_is_marked_runs_on_slurm(slurm_conf: Path) -> None:
    assert slurm_conf.is_file()

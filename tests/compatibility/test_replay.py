"""Suggestions of an earlier version are made again.

Those of the initial design are compared bit for bit: they are exact on any processor.
Those that a model made have other last digits where BLAS rounds otherwise, and then
perhaps other values, and are only made.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpcopt.cli.main import command_line
from hpcopt.experiment.folder import read_experiment
from tests.support.relocate import relocate

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parent / "fixtures" / "0.1.0"


@pytest.mark.parametrize("name", ["array", "asked", "ended", "killed", "packed"])
def test_the_initial_design_is_made_again_bit_for_bit(
    name: str, tmp_path: Path
) -> None:
    folder = relocate(FIXTURES / name, tmp_path) / "experiment"
    result = CliRunner().invoke(command_line, ["replay", str(folder), "--json"])
    found = json.loads(result.stdout)
    trials = read_experiment(folder).trials
    methods = {trial.index: trial.generation_method for trial in trials}
    different = {methods[one["trial"]] for one in found["different"]}
    assert different <= {"bo"}
    # Whatever came out otherwise, it is the earlier version's.
    assert result.exit_code == 0
    assert [one["is_mismatch"] for one in found["different"]] == [False] * len(
        found["different"]
    )
    [maker] = found["made_by"]
    assert maker["environment"]["hpcopt"] == "0.1.0"
    assert not maker["is_here"]
    n_compared = found["identical"] + len(found["different"])
    assert n_compared + sum(found["passed_over"].values()) == len(trials)
    assert all(one["regenerated"] is not None for one in found["different"])
    n_by_hand = sum(method == "manual" for method in methods.values())
    assert found["passed_over"] == ({"manual": n_by_hand} if n_by_hand else {})

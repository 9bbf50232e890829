"""Search spaces of all kinds from a config to the programs of their trials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcopt.experiment.folder import read_experiment
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config

pytestmark = pytest.mark.slow

CONDITIONAL = """
  - {name: kind, type: choice, values: [plain, damped]}
  - {name: damping, type: range, bounds: [0.5, 1.0], when: {kind: damped}}
  - {name: steps, type: fixed, value: 7}
  - {name: total, type: derived, expression: "x*steps"}
parameter_constraints: ["x <= 0.8"]
objective:"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_config(tmp_path)


def test_an_inactive_parameter_is_absent_and_has_a_default_in_templates(
    config: Path,
) -> None:
    change(config, "\nobjective:", CONDITIONAL)
    change(config, "max_trials: 3", "max_trials: 6")
    change(
        config,
        '"{{ x }}"]',
        '"{{ x }}", "{{ damping | default(9) }}", "{{ total }}", "{{ steps }}"]',
    )
    hpcopt("check", config)
    hpcopt("run", config)
    kinds = set()
    for trial in read_experiment(config.parent / "out").trials:
        attempt = config.parent / f"out/trials/{trial.index:04}/attempt-0"
        words = (attempt / "script.sh").read_text().split()
        found = json.loads((attempt / "parameters.json").read_text())
        assert found == trial.parameters
        assert found["x"] <= 0.8
        assert found["total"] == pytest.approx(7 * found["x"])
        assert ("damping" in found) == (found["kind"] == "damped")
        assert str(found.get("damping", 9)) in words
        kinds.add(found["kind"])
    assert kinds == {"plain", "damped"}
    table = hpcopt("trials", config).stdout
    assert "damping" in table
    assert hpcopt("trials", config, "--csv").stdout.count("plain") > 0


def test_a_template_without_a_default_says_what_it_lacks(config: Path) -> None:
    change(config, "\nobjective:", CONDITIONAL)
    change(config, '"{{ x }}"]', '"{{ x }}", "{{ damping }}"]')
    said = hpcopt("check", config, code=2).stderr
    assert "damping" in said
    assert "default" in said


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ('["x <= 0.2", "x >= 0.4"]', "found that they contradict each other"),
        ('["x**2 <= -1"]', "contradict each other, or leave too little to find"),
    ],
)
def test_what_leaves_nothing_to_propose_is_told_before_anything_is_submitted(
    config: Path, constraints: str, message: str
) -> None:
    text = f"\nparameter_constraints: {constraints}\nobjective:"
    change(config, "\nobjective:", text)
    for verb in ("check", "run"):
        assert message in hpcopt(verb, config, code=2).stderr
    assert not (config.parent / "out").exists()


def test_a_parameter_may_not_have_the_name_of_something_else(config: Path) -> None:
    change(config, "name: x,", "name: trial,")
    change(config, "{{ x }}", "1")
    said = hpcopt("check", config, code=2).stderr
    assert "parameter 'trial': this name means something else in job templates" in said


def test_a_space_without_a_free_parameter_is_complete_after_one_trial(
    config: Path,
) -> None:
    change(config, "type: range, bounds: [0, 1]", "type: fixed, value: 0.5")
    said = hpcopt("run", config).stdout
    assert "every point of the search space has been tried" in said
    assert read_experiment(config.parent / "out").n_trials == 1

"""A model and an acquisition of one's own, from a file beside the config."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_world import hpcopt

FUNCTIONS = """
from botorch.acquisition import qUpperConfidenceBound
from botorch.models import SingleTaskGP
from gpytorch.kernels import RBFKernel

def loss(x):
    return {"loss": (x - 0.3) ** 2}

def smooth(train_X, train_Y, train_Yvar, context):
    kernel = RBFKernel(ard_num_dims=train_X.shape[-1])
    return SingleTaskGP(train_X, train_Y, train_Yvar, covar_module=kernel)

def bold(model, context, beta):
    return qUpperConfidenceBound(
        model, beta=beta, objective=context.objective, X_pending=context.X_pending
    )

def broken(model, context):
    raise ValueError("no idea")
"""

CONFIG = """
parameters: [{name: x, type: range, bounds: [0, 1]}]
objective: "-loss"
metrics: [{name: loss, dataset: /loss}]
job: {function: "functions_of_mine:loss", runner: local}
run: {max_trials: 5}
generation:
  steps:
    - {method: sobol, until: {trials: 3}}
    - model: "functions_of_mine:smooth"
      acquisition: "functions_of_mine:bold"
      acquisition_options: {beta: 2}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "functions_of_mine.py").write_text(FUNCTIONS, encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.slow
def test_they_run_are_shown_and_replay(config: Path) -> None:
    hpcopt("run", config)
    shown = hpcopt("show", 4, config).output
    assert "proposed by  bo in steps[1]" in shown
    assert "model        functions_of_mine:smooth" in shown
    assert "acquisition  functions_of_mine:bold" in shown
    assert "5 identical, 0 different" in hpcopt("replay", config).output
    elsewhere = hpcopt("replay", config.parent / "experiments" / "mine", code=2)
    assert "name its config instead" in elsewhere.stderr
    # What asks the model finds it beside the config, too.
    assert "x" in hpcopt("importance", config).output
    assert "trial" in hpcopt("best", "--by-model", config).output
    tables = config.parent / "tables"
    hpcopt("report", "--csv", tables, "--cards", "SensitivityAnalysisPlot", config)
    assert "sensitivity" in next(iter(tables.glob("*.csv"))).read_text().lower()


@pytest.mark.slow
def test_one_that_raises_is_told_and_stops_the_run(config: Path) -> None:
    text = config.read_text().replace(":bold", ":broken").replace("beta: 2", "")
    config.write_text(text.replace("max_trials: 5", "max_trials: 9"))
    told = hpcopt("run", config, code=1).stderr
    assert "the generator failed 3 times in a row" in told
    assert "acquisition: functions_of_mine:broken raised ValueError: no idea" in told

"""A client of an experiment that is there, by its folder alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from gpytorch.kernels import RBFKernel

from hpcopt.analysis.plotly.cross_validation import CrossValidationPlot
from hpcopt.api.client import Client
from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
from hpcopt.api.runners import local_runner
from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError, StorageError, UsageError
from hpcopt.experiment.folder import JOURNAL, LEASE, read_events, read_experiment
from tests.support.api_world import BowlRunner, Height, bowl_client
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config

pytestmark = pytest.mark.slow

KERNEL = """
from botorch.models import SingleTaskGP
from gpytorch.kernels import RBFKernel


def rbf(train_X, train_Y, train_Yvar, context):
    return SingleTaskGP(train_X, train_Y, train_Yvar, covar_module=RBFKernel())
"""

SOON: dict[str, Any] = {"initial_seconds_between_polls": 0.01}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An experiment that the command line has run, with two of three trials."""
    path = make_config(tmp_path)
    change(path, "max_trials: 3", "max_trials: 2")
    hpcopt("run", path, "-q")
    return path


def changes(folder: Path) -> list[str]:
    """Return what somebody was told to have changed in an experiment."""
    return [
        sentence
        for event in read_events(folder)
        if isinstance(event, ev.SettingsChanged | ev.SpaceChanged)
        for sentence in event.changes
    ]


def begin(folder: Path) -> Client:
    """Return a client of which everything is configured."""
    client = Client(folder=folder, random_seed=7)
    client.configure_experiment(
        [
            RangeParameterConfig("x", (0, 1), "float"),
            ChoiceParameterConfig(
                "kind", ["a", "b"], "str", dependent_parameters={"a": ["z"]}
            ),
            RangeParameterConfig("z", (1, 9), "int", scaling="log"),
        ],
        ["x + z <= 8"],
        name="The bowl",
        owner="me",
    )
    client.configure_optimization("-height, -width", ["heat <= 5"])
    client.configure_generation_strategy("random_search", initialization_budget=9)
    return client


def test_a_scripts_experiment_is_opened_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "bowl"
    with begin(folder) as client:
        first = client.get_next_trials(2)
    with Client.open(folder) as client:
        second = client.get_next_trials(1)
        client.complete_trial(2, {"height": 1.0, "width": 2.0, "heat": 3.0})
        assert [best[2] for best in client.get_pareto_frontier(False)] == [2]
        assert len(client.summarize()) == 3
    assert changes(folder) == []
    # It proposes what the client that began it would have proposed.
    with begin(tmp_path / "again") as client:
        assert client.get_next_trials(2) == first
        assert client.get_next_trials(1) == second


def test_an_experiment_of_the_command_line_is_looked_at_and_goes_on(
    config: Path,
) -> None:
    folder = config.parent / "out"
    client = Client.open(str(folder))
    best = client.get_best_parameterization(use_model_predictions=False)
    trial = read_experiment(folder).trial(best[2])
    assert best[0] == trial.parameters
    [(name, (mean, _))] = best[1].items()  # type: ignore[misc]
    assert (name, mean) == ("loss", trial.outcome["loss"].mean)
    assert len(client.predict([{"x": 0.5}])) == 1
    assert client.botorch_model().model.num_outputs == 1
    assert not (folder / LEASE).exists()
    assert list(client.get_next_trials(1)) == [2]
    client.complete_trial(2, {"loss": 0.0})
    client.close()
    assert changes(folder) == []
    change(config, "max_trials: 2", "max_trials: 4")
    hpcopt("run", config, "-q")
    assert len(read_experiment(folder).completed_trials()) == 4


def test_its_metrics_are_known_and_its_runner_is_not(config: Path) -> None:
    folder = config.parent / "out"
    client = Client.open(folder)
    with pytest.raises(UsageError, match="expected configure_runner to be called"):
        client.run_trials(max_trials=3)
    words = ["{{ python }}", "program.py", "{{ trial.folder }}", "{{ x }}"]
    client.configure_runner(local_runner(words, directory=str(config.parent)))
    client.run_trials(max_trials=3, **SOON)
    assert len(read_experiment(folder).completed_trials()) == 3
    assert read_experiment(folder).begun.definition["metrics"] == [
        {
            "name": "loss",
            "file": "result.h5",
            "dataset": "/loss",
            "reduce": None,
            "sem": None,
            "step": None,
        }
    ]


def test_metrics_of_ones_own_are_to_be_configured_again(tmp_path: Path) -> None:
    bowl_client(tmp_path).run_trials(max_trials=1, **SOON)
    client = Client.open(tmp_path)
    client.configure_runner(BowlRunner())
    with pytest.raises(ConfigError, match=r"found none for \['height'\]"):
        client.run_trials(max_trials=2)
    client.configure_metrics([Height("height")])
    client.run_trials(max_trials=2, **SOON)
    assert len(client.summarize()) == 2


def test_a_model_of_ones_own_is_found_where_its_module_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_a_config.py").write_text(KERNEL)
    folder = tmp_path / "out"
    with Client(folder=folder) as client:
        client.configure_experiment([RangeParameterConfig("x", (0, 1), "float")])
        client.configure_optimization("-loss")
        client.configure_generation_strategy(model="beside_a_config:rbf")
        for x in (0.0, 0.2, 0.5, 0.6, 0.9):
            index = client.attach_trial({"x": x})
            client.complete_trial(index, {"loss": (x - 0.4) ** 2})
    with pytest.raises(ConfigError, match="expected rbf in a module beside_a_config"):
        Client.open(folder).botorch_model()
    client = Client.open(folder, modules=tmp_path)
    models: Any = client.botorch_model().model
    assert isinstance(models.models[0].covar_module, RBFKernel)
    parameters, outcome, *_ = client.get_best_parameterization()
    assert [outcome] == client.predict([parameters])
    [card] = client.compute_analyses([CrossValidationPlot(["loss"])], display=False)
    assert "beside_a_config" not in str(card)


def test_an_experiment_is_not_configured_once_more(tmp_path: Path) -> None:
    bowl_client(tmp_path).get_next_trials(1)
    with pytest.raises(UsageError, match="is configured already"):
        Client.open(tmp_path).configure_experiment([])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nowhere", "nothing"),
        ("folder", f"no {JOURNAL} in it"),
        ("config.yaml", "a file"),
    ],
)
def test_what_is_no_experiment_is_told(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "config.yaml").touch()
    with pytest.raises(UsageError) as caught:
        Client.open(tmp_path / name)
    path = tmp_path / name
    assert str(caught.value) == (
        f"{path}: expected the folder of an experiment, found {found}"
    )


def test_a_journal_that_is_damaged_is_told(tmp_path: Path) -> None:
    bowl_client(tmp_path).get_next_trials(1)
    journal = tmp_path / JOURNAL
    journal.write_bytes(journal.read_bytes().replace(b"height", b"weight"))
    with pytest.raises(StorageError, match=JOURNAL):
        Client.open(tmp_path)

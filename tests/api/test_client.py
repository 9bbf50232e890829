from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcopt.api.client import Client
from hpcopt.api.generation_options import modules_folder
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import GenerationStep, Until
from tests.support.api_world import BowlRunner, Height, X, bowl_client


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return bowl_client(tmp_path / "bowl")


def test_importing_the_client_loads_nothing_heavy() -> None:
    code = (
        "import sys, hpcopt.api.client;"
        "print({'torch', 'pandas', 'h5py', 'submitit'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_configuring_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = Client()
    client.configure_experiment([X], name="bowl")
    client.configure_optimization("-height")
    client.configure_runner(BowlRunner())
    client.configure_metrics([Height("height")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("bowl", "bowl"),
        ("Bowl 2 (a/b)", "Bowl_2_a_b_"),
        ("../bowl", "_bowl"),
        ("v1.0-rc", "v1.0-rc"),
    ],
)
def test_a_named_experiment_is_kept_below_the_current_directory(
    name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = Client()
    client.configure_experiment([X], name=name)
    with pytest.raises(UsageError, match=f"in {tmp_path}/experiments/{folder}, found"):
        client.get_best_parameterization()


def test_two_experiments_without_a_name_have_two_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    messages = set()
    for _ in range(2):
        client = Client()
        client.configure_experiment([X])
        with pytest.raises(UsageError, match="experiments/experiment-") as caught:
            client.get_best_parameterization()
        messages.add(str(caught.value))
    assert len(messages) == 2


@pytest.mark.parametrize("name", ["", "..", "/", "___"])
def test_a_name_without_letters_or_digits_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name: expected letters or digits, found"):
        Client().configure_experiment([X], name=name)


def test_an_experiment_is_configured_once(client: Client) -> None:
    with pytest.raises(UsageError, match="'bowl' is configured already"):
        client.configure_experiment([X])


def test_an_experiment_that_was_refused_can_be_configured_again(tmp_path: Path) -> None:
    client = Client(folder=tmp_path)
    with pytest.raises(ConfigError, match="expected distinct names, found 'x' twice"):
        client.configure_experiment([X, X])
    client.configure_experiment([X])


def test_a_database_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"storage_config: .*not supported yet"):
        Client(storage_config="sqlite://")  # type: ignore[arg-type]


def test_parameters_are_configs() -> None:
    with pytest.raises(ConfigError, match=r"expected a RangeParameterConfig.*found \{"):
        Client().configure_experiment([{"name": "x"}])  # type: ignore[list-item]


def test_parameter_constraints_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"parameter_constraints: .* found 'y'"):
        Client().configure_experiment([X], parameter_constraints=["y <= 0.5"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "-height, height"}, "expected each metric in one objective"),
        ({"objective": "height*width"}, "expected a metric or a weighted sum"),
        ({"objective": "height**2"}, "expected distances from targets with a minus"),
        (
            {"objective": "height", "outcome_constraints": ["height <= 1"]},
            "expected constraints on other metrics than the objective's",
        ),
        (
            {"objective": "height", "pruning_target_parameterization": {"x": 0.0}},
            "pruning_target_parameterization: not supported yet",
        ),
    ],
    ids=["several", "malformed", "square", "constraint", "pruning"],
)
def test_an_objective_that_is_not_supported_is_refused(
    client: Client, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message.replace("*", r"\*")):
        client.configure_optimization(**arguments)


@pytest.mark.parametrize(
    "argument",
    [
        {"method": "quality"},
        {"initialization_budget": 0},
        {"initialize_with_center": False},
        {"use_existing_trials_for_initialization": False},
        {"min_observed_initialization_trials": 3},
        {"allow_exceeding_initialization_budget": True},
        {"torch_device": "tpu"},
        {"simplify_parameter_changes": True},
    ],
    ids=lambda argument: next(iter(argument)),
)
def test_a_generation_strategy_that_is_not_supported_is_refused(
    client: Client, argument: dict[str, Any]
) -> None:
    [(name, value)] = argument.items()
    with pytest.raises(ConfigError, match=rf"{name}: .*{value}"):
        client.configure_generation_strategy(**argument)


def test_names_functions_and_steps_are_those_of_a_config(client: Client) -> None:
    client.configure_generation_strategy(
        torch_device="cuda:1",
        steps=[
            {"method": "sobol", "until": {"trials": 3}},
            {"model": make_model, "acquisition": "qUCB", "model_options": {"a": 1}},
        ],
    )
    assert client._generation.spec == GeneratorSpec(
        steps=(
            GenerationStep("sobol", until=Until(trials=3)),
            GenerationStep("auto", f"{__name__}:make_model", "qUCB", {"a": 1}),
        ),
        device="cuda:1",
        folder=modules_folder(),
    )
    client.configure_generation_strategy(
        model="saas", acquisition="qUCB", acquisition_options={"beta": 4}
    )
    assert client._generation.spec == GeneratorSpec(
        model="saas", acquisition="qUCB", acquisition_options={"beta": 4}
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "sas"}, "model: .* found 'sas'; did you mean saas"),
        ({"model": lambda X: X}, "model: expected .* can import, .*<lambda>"),
        ({"acquisition": 3}, "acquisition: expected .* can import, .*found 3"),
        (
            {"method": "random_search", "acquisition": "qUCB"},
            "method: expected auto or bo, .* found 'sobol'",
        ),
        ({"steps": [{"until": {"trials": 3}}]}, r"steps\[0\].until: expected none"),
        ({"steps": [3, {}]}, r"steps\[0\]: expected keys and values, found 3"),
    ],
)
def test_a_generation_strategy_that_makes_no_sense_is_refused(
    client: Client, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        client.configure_generation_strategy(**arguments)


def test_what_is_not_defined_for_the_objectives_is_refused_before_it_begins(
    client: Client,
) -> None:
    client.configure_optimization("-height, width")
    client.configure_generation_strategy(acquisition="qKG")
    with pytest.raises(ConfigError, match="qKG is not defined for 2 objectives"):
        client.get_next_trials(1)


def make_model() -> None:
    """Stand for a function that another process can import."""


def test_all_of_ax_defaults_of_the_generation_strategy_are_supported(
    client: Client,
) -> None:
    client.configure_generation_strategy(
        method="fast",
        initialization_budget=None,
        initialization_random_seed=None,
        initialize_with_center=True,
        use_existing_trials_for_initialization=True,
        min_observed_initialization_trials=None,
        allow_exceeding_initialization_budget=False,
        torch_device=None,
        simplify_parameter_changes=False,
    )


def test_two_seeds_that_differ_are_refused(tmp_path: Path) -> None:
    client = bowl_client(tmp_path, random_seed=1)
    client.configure_generation_strategy(initialization_random_seed=2)
    with pytest.raises(
        ConfigError, match=r"random_seed 1, .*one seed for all, found 2"
    ):
        client.run_trials(max_trials=1)


def test_what_is_no_runner_and_no_metric_is_refused(client: Client) -> None:
    with pytest.raises(ConfigError, match="runner: expected an IRunner, found 1"):
        client.configure_runner(1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="metrics: expected IMetrics, found 'height'"):
        client.configure_metrics(["height"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "missing",
    ["configure_experiment", "configure_optimization", "configure_runner"],
)
def test_run_trials_says_what_has_to_be_configured_before(
    missing: str, tmp_path: Path
) -> None:
    client = Client(folder=tmp_path / "bowl")
    steps: dict[str, Callable[[], None]] = {
        "configure_experiment": lambda: client.configure_experiment([X]),
        "configure_optimization": lambda: client.configure_optimization("-height"),
        "configure_runner": lambda: client.configure_runner(BowlRunner()),
    }
    for method, configure in steps.items():
        if method != missing:
            configure()
    with pytest.raises(
        UsageError, match=f"run_trials: expected {missing} to be called"
    ):
        client.run_trials(max_trials=1)
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_the_objective_needs_is_named_before_anything_runs(
    tmp_path: Path,
) -> None:
    client = bowl_client(tmp_path / "bowl", objective="height + 2*depth - width")
    with pytest.raises(ConfigError, match=r"found none for \['depth', 'width'\]"):
        client.run_trials(max_trials=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "argument",
    [
        {"max_trials": 0},
        {"max_trials": 1, "parallelism": 0},
        {"max_trials": 1, "tolerated_trial_failure_rate": 1.5},
        {"max_trials": 1, "initial_seconds_between_polls": -1},
        {"max_trials": 1, "max_queued_jobs": 0},
    ],
    ids=lambda argument: list(argument)[-1],
)
def test_limits_that_make_no_sense_are_refused_before_anything_runs(
    client: Client, tmp_path: Path, argument: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=f"{list(argument)[-1]}: expected"):
        client.run_trials(**argument)
    assert list(tmp_path.iterdir()) == []


def test_what_is_looked_at_has_to_be_configured_and_begun(client: Client) -> None:
    with pytest.raises(UsageError, match="summarize: expected configure_experiment"):
        Client().summarize()
    with pytest.raises(
        UsageError,
        match=r"get_best_parameterization: expected trials in .*/bowl, found",
    ):
        client.get_best_parameterization()

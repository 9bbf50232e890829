"""The names and the order of arguments are those of ax.api 1.3.1."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import hpcopt.api.protocols.runner
from hpcopt.api import configs, types
from hpcopt.api.client import Client
from hpcopt.api.protocols import IMetric, IRunner
from hpcopt.core.trials.trial import TrialStatus

AX: list[tuple[Callable[..., Any], str]] = [
    (Client, "storage_config random_seed"),
    (
        Client.configure_experiment,
        "parameters parameter_constraints name description experiment_type owner",
    ),
    (
        Client.configure_optimization,
        "objective outcome_constraints pruning_target_parameterization",
    ),
    (Client.configure_runner, "runner"),
    (Client.configure_metrics, "metrics"),
    (
        Client.configure_generation_strategy,
        "method initialization_budget initialization_random_seed "
        "initialize_with_center use_existing_trials_for_initialization "
        "min_observed_initialization_trials allow_exceeding_initialization_budget "
        "torch_device simplify_parameter_changes",
    ),
    (
        Client.run_trials,
        "max_trials parallelism tolerated_trial_failure_rate "
        "initial_seconds_between_polls",
    ),
    (Client.configure_tracking_metrics, "metric_names"),
    (Client.get_next_trials, "max_trials fixed_parameters"),
    (Client.attach_data, "trial_index raw_data progression"),
    (Client.complete_trial, "trial_index raw_data progression"),
    (Client.attach_trial, "parameters arm_name"),
    (Client.attach_baseline, "parameters arm_name"),
    (Client.mark_trial_failed, "trial_index failed_reason"),
    (Client.mark_trial_abandoned, "trial_index"),
    (Client.mark_trial_early_stopped, "trial_index"),
    (Client.summarize, "trial_indices trial_statuses"),
    (Client.get_best_parameterization, "use_model_predictions"),
    (Client.get_pareto_frontier, "use_model_predictions"),
    (Client.predict, "points"),
    (Client.save_to_json_file, "filepath"),
    (Client.load_from_json_file, "filepath storage_config"),
    (configs.RangeParameterConfig, "name bounds parameter_type step_size scaling"),
    (
        configs.ChoiceParameterConfig,
        "name values parameter_type is_ordered dependent_parameters",
    ),
    (configs.DerivedParameterConfig, "name expression_str parameter_type"),
    (IRunner.run_trial, "trial_index parameterization"),
    (IRunner.poll_trial, "trial_index trial_metadata"),
    (IRunner.stop_trial, "trial_index trial_metadata"),
    (IMetric, "name"),
    (IMetric.fetch, "trial_index trial_metadata"),
]

#: The defaults of Ax where they are more than ``None``.
DEFAULTS: list[tuple[Callable[..., Any], dict[str, object]]] = [
    (Client.run_trials, {"parallelism": 1, "tolerated_trial_failure_rate": 0.5}),
    (Client.run_trials, {"initial_seconds_between_polls": 1}),
    (Client.get_best_parameterization, {"use_model_predictions": True}),
    (Client.configure_generation_strategy, {"method": "fast"}),
    (Client.configure_generation_strategy, {"initialize_with_center": True}),
]


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    found = inspect.signature(function).parameters.values()
    return [parameter for parameter in found if parameter.name != "self"]


@pytest.mark.parametrize(
    ("function", "names"), AX, ids=[function.__qualname__ for function, _ in AX]
)
def test_arguments_are_those_of_ax_and_our_own_are_keywords(
    function: Callable[..., Any], names: str
) -> None:
    found = parameters(function)
    positional = [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == names.split()
    others = {p.kind for p in found if p.name not in positional}
    assert others <= {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("function", "defaults"), DEFAULTS, ids=[str(defaults) for _, defaults in DEFAULTS]
)
def test_defaults_are_those_of_ax(
    function: Callable[..., Any], defaults: dict[str, object]
) -> None:
    found = {p.name: p.default for p in parameters(function)}
    assert {name: found[name] for name in defaults} == defaults


def test_the_modules_hold_the_names_that_scripts_import() -> None:
    assert hpcopt.api.protocols.runner.TrialStatus is TrialStatus
    assert hpcopt.api.protocols.runner.IRunner is IRunner
    assert {"TOutcome", "TParameterValue", "TParameterization"} <= set(vars(types))

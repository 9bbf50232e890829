"""The names of models and acquisitions, and what is said of those that are none."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.types import JSONValue
from hpcopt.generation.catalogue import (
    ACQUISITIONS,
    MODELS,
    OPTION_VALUES,
    acquisition_of,
    check_goals,
    check_names,
    is_own,
)


def good_value(option: str) -> JSONValue:
    kind = OPTION_VALUES[option]
    if isinstance(kind, tuple):
        return kind[0]
    values: dict[str, JSONValue] = {"switch": True, "count": 3, "number": 0.5}
    return values[kind]


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_takes_its_options(model: str) -> None:
    options = {option: good_value(option) for option in MODELS[model].options}
    check_names(model, "auto", options, {})


@pytest.mark.parametrize("acquisition", [*ACQUISITIONS, "qNParEGO"])
def test_every_acquisition_takes_its_options(acquisition: str) -> None:
    known = ACQUISITIONS[acquisition_of(acquisition)].options
    check_names("auto", acquisition, {}, {one: good_value(one) for one in known})


def test_a_function_takes_any_options() -> None:
    check_names("mine:kernel", "mine:acquisition", {"a": 1}, {"b": 2})
    assert is_own("mine:kernel")
    assert not is_own("saas")


@pytest.mark.parametrize(
    ("model", "acquisition", "options", "found"),
    [
        ("sass", "auto", ({}, {}), "found 'sass'; did you mean saas?"),
        ("auto", "qLogNEU", ({}, {}), "found 'qLogNEU'; did you mean qLogNE"),
        ("saas", "auto", ({"taus": 1}, {}), "expected num_taus, found 'taus'; did you"),
        (
            "robust",
            "qUCB",
            ({}, {"betas": 1}),
            "expected beta, mc_samples, found 'beta",
        ),
        ("additive", "qMES", ({"x": 1}, {}), "model_options: expected second_order"),
        ("auto", "auto", ({"x": 1}, {}), "model_options: auto has no options, found"),
        ("saas", "log_ei", ({}, {}), "log_ei needs the model single_task without"),
        ("single_task", "log_ei", ({"kernel": "rbf"}, {}), "one of auto, qLogEI"),
    ],
)
def test_what_is_unknown_is_answered_by_what_is_known(
    model: str,
    acquisition: str,
    options: tuple[dict[str, Any], dict[str, Any]],
    found: str,
) -> None:
    with pytest.raises(ConfigError, match=re.escape(found)):
        check_names(model, acquisition, *options)


@pytest.mark.parametrize(
    ("acquisition", "objective", "found"),
    [
        (
            "qKG",
            "-a, -b",
            "qKG is not defined for 2 objectives; expected one of auto, ",
        ),
        ("qLogNEHVI", "-a", "qLogNEHVI is not defined for one objective; expected one"),
        ("qMES", "-abs(a - 3)", "qMES is not defined for an objective with targets;"),
    ],
)
def test_an_acquisition_that_is_not_defined_names_those_that_are(
    acquisition: str, objective: str, found: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(found)):
        check_goals("auto", acquisition, parse_goals(objective))


def test_the_goals_that_an_acquisition_is_defined_for_are_its_own() -> None:
    check_goals("auto", "qNParEGO", parse_goals("-a, -b"))
    check_goals("auto", "log_ei", parse_goals("-abs(a - 3)"))
    check_goals("auto", "mine:acquisition", parse_goals("-a, -b"))


def test_the_names_load_nothing_heavy() -> None:
    code = "import sys, hpcopt.generation.catalogue; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & {"numpy", "torch"} == set()

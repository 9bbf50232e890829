"""The generator that an experiment uses."""

from __future__ import annotations

from typing import Any

import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.generation.factory import make_generator
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import checked_steps

STEPS: list[dict[str, Any]] = [
    {"method": "sobol", "until": {"trials": 9}},
    {"acquisition": "absent:ei"},
]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            GeneratorSpec(model="absent:kernel", folder="/mine"),
            "^model: expected kernel in a module absent in /mine or installed, found "
            "ModuleNotFoundError",
        ),
        (
            GeneratorSpec(model="pathlib:kernel"),
            "^model: expected kernel in a module pathlib that is installed, found "
            "AttributeError",
        ),
        (
            GeneratorSpec(steps=checked_steps(STEPS)),
            r"^steps\[1\].acquisition: expected ei in a module absent that is",
        ),
    ],
)
def test_a_function_that_is_not_there_is_told_before_the_first_trial(
    spec: GeneratorSpec, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_generator(spec)


def test_a_package_that_is_not_there_is_told_before_the_first_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hpcopt.generation.catalogue.find_spec", lambda name: None)
    make_generator(GeneratorSpec(model="saas"))
    with pytest.raises(ConfigError, match="fully_bayesian needs jax and numpyro: pip"):
        make_generator(GeneratorSpec(model="fully_bayesian"))

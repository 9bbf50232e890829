"""Every model and every acquisition by name keeps the contract of a proposer."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.core.types import JSONValue
from hpcopt.generation.catalogue import ACQUISITIONS, MODELS, check_names
from hpcopt.generation.named.acquisitions import MAKERS
from hpcopt.generation.named.models import MAKERS as MODEL_MAKERS
from hpcopt.generation.snapshot import Snapshot
from tests.support.named_world import (
    Step,
    named_snapshot,
    propose,
    quick,
    said,
    search_little,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

#: Those that run without JAX.
MODEL_NAMES = [name for name, model in MODELS.items() if model.extra is None]
SINGLE = [name for name, one in ACQUISITIONS.items() if one.for_one]
SEVERAL = [name for name, one in ACQUISITIONS.items() if one.for_several]
OF_TARGETS = [name for name in SINGLE if ACQUISITIONS[name].knows_targets]

#: What takes a second of a processor.
SLOW = ["robust", "additive", "saas", "qMES", "qLogEHVI", "qLogNEHVI", "qLogNParEGO"]


def with_slow(names: list[str]) -> list[object]:
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in names
    ]


@pytest.fixture(autouse=True)
def _little_search(monkeypatch: pytest.MonkeyPatch) -> None:
    search_little(monkeypatch)


def check_contract(now: Snapshot, model: str, acquisition: str) -> str:
    """Check that a new point of the space is proposed, and the same one again."""
    step = quick(model, acquisition)
    found, proposer = propose(now, step)
    now.space.check(found)
    assert found not in now.known
    if now.space.constraints:
        assert float(found["x"]) + float(found["y"]) <= 1.2
    assert propose(now, step)[0] == found
    json.dumps(dict(proposer.details))
    return said(proposer)


def test_every_name_is_made() -> None:
    assert set(MODEL_MAKERS) == {*MODELS} - {"auto"}
    assert set(MAKERS) == {*ACQUISITIONS} - {"auto", "log_ei", "log_ehvi"}


@pytest.mark.parametrize("model", with_slow(MODEL_NAMES))
def test_a_model_proposes_new_points_of_a_mixed_space(model: str) -> None:
    assert check_contract(named_snapshot("mixed", 6), model, "auto") == ""


@pytest.mark.parametrize("acquisition", with_slow(SINGLE))
def test_an_acquisition_proposes_new_points_of_a_mixed_space(acquisition: str) -> None:
    check_contract(named_snapshot("mixed"), "auto", acquisition)


@pytest.mark.parametrize(
    ("model", "kind"), [("saas", "constrained"), ("single_task", "two")]
)
def test_a_model_has_constraints_and_several_objectives(model: str, kind: str) -> None:
    check_contract(named_snapshot(kind, 6), model, "auto")


@pytest.mark.slow
def test_an_ensemble_has_several_objectives() -> None:
    propose(named_snapshot("two", 6), quick("saas"))


@pytest.mark.parametrize("acquisition", with_slow(SEVERAL))
def test_an_acquisition_proposes_for_two_objectives(acquisition: str) -> None:
    check_contract(named_snapshot("two", 6), "auto", acquisition)


@pytest.mark.parametrize("acquisition", OF_TARGETS)
def test_an_acquisition_proposes_for_targets(acquisition: str) -> None:
    check_contract(named_snapshot("targets", 6), "auto", acquisition)


@pytest.mark.parametrize("acquisition", [*SINGLE, "two: qLogNEHVI", "two: qLogEHVI"])
def test_an_acquisition_honours_constraints_on_outcomes(acquisition: str) -> None:
    # The loss is least at x = 0.3, and x is to reach 0.6.
    kind = "two_constrained" if acquisition.startswith("two: ") else "constrained"
    name = acquisition.removeprefix("two: ")
    now = named_snapshot(kind)
    found, proposer = propose(now, quick("auto", name))
    assert float(found["x"]) >= 0.55
    is_weighed = f"{name} knows no constraints on outcomes: it is weighed" in said(
        proposer
    )
    assert is_weighed == (ACQUISITIONS[name].constraints == "weighed")


@pytest.mark.parametrize("acquisition", ["log_ei", "qLogNEI"])
def test_the_optimum_is_proposed(
    acquisition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    now = named_snapshot("plain", 14, n_pending=0)
    found, _ = propose(now, quick("auto", acquisition))
    assert [float(found["x"]), float(found["y"])] == pytest.approx([0.3, 0.5], abs=0.3)


def test_an_ensemble_is_refused_by_what_does_not_know_it() -> None:
    with pytest.raises(Exception, match="qKG is not defined for saas, which is sever"):
        check_names("saas", "qKG", {}, {})


def test_options_of_models_reach_them() -> None:
    now = named_snapshot("plain", 6)
    options: list[dict[str, JSONValue]] = [
        {"kernel": "rbf"},
        {"kernel": "matern"},
        {"kernel": "matern", "input_warping": True},
    ]
    steps = [Step("single_task", "qLogNEI", one, {"mc_samples": 16}) for one in options]
    found = [propose(now, step)[0] for step in steps]
    assert len({json.dumps(dict(point)) for point in found}) == 3


def test_a_fully_bayesian_model_needs_its_extra() -> None:
    now = named_snapshot("plain", 6)
    few: dict[str, JSONValue] = {"num_samples": 4, "warmup_steps": 4, "thinning": 2}
    step = Step("fully_bayesian", "auto", few, {"mc_samples": 8})
    if find_spec("jax") is None or find_spec("numpyro") is None:
        with pytest.raises(
            ConfigError, match=r"needs jax and numpyro: pip install 'hpcopt\[fully-"
        ):
            propose(now, step)
        return
    found, proposer = propose(now, step)
    now.space.check(found)
    assert proposer.details["used"] == {
        "model": "fully_bayesian",
        "acquisition": "qLogNEI",
    }


def test_random_numbers_of_the_process_are_left_alone() -> None:
    import torch

    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    first = torch.rand(2), np.random.random(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    propose(named_snapshot("plain", 6), quick("auto", "thompson"))
    assert torch.equal(torch.rand(2), first[0])
    assert (np.random.random(2) == first[1]).all()  # noqa: NPY002

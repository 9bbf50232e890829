"""Steps of generation in a script: the same whether it is interrupted or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botorch.models.map_saas import EnsembleMapSaasSingleTaskGP

from hpcopt.api.client import Client
from hpcopt.core.types import TParameterization
from tests.support.api_world import X
from tests.support.cli_world import hpcopt

# linear_operator still compiles a function with torch.jit when it is imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

N_TRIALS = 8

STEPS: list[dict[str, Any]] = [
    {"method": "sobol", "until": {"trials": 3}},
    {"until": {"completed": 5}},
    {"acquisition": "qUCB", "acquisition_options": {"mc_samples": 16}},
]


def begun(folder: Path) -> Client:
    client = Client(folder=folder, random_seed=3)
    client.configure_experiment([X], name="bowl")
    client.configure_optimization("-height")
    client.configure_generation_strategy(steps=STEPS)
    return client


def evaluate(client: Client) -> list[TParameterization]:
    """Ask for two trials and tell their outcomes."""
    trials = client.get_next_trials(2)
    for index, parameters in trials.items():
        client.complete_trial(index, {"height": (float(parameters["x"]) - 0.3) ** 2})
    return list(trials.values())


def test_an_interrupted_script_proposes_what_an_uninterrupted_one_does(
    tmp_path: Path,
) -> None:
    with begun(tmp_path / "whole") as client:
        whole = [one for _ in range(N_TRIALS // 2) for one in evaluate(client)]
    parts = []
    with begun(tmp_path / "parts") as client:
        parts += evaluate(client)
    while len(parts) < N_TRIALS:
        with Client.open(tmp_path / "parts") as client:
            parts += evaluate(client)
    assert parts == whole
    facts = [
        json.loads(hpcopt("show", k, tmp_path / "whole", "--json").stdout)["origin"]
        for k in range(N_TRIALS)
    ]
    # Two at once: the fourth was asked for with the third, before its outcome.
    assert [origin["step"] for origin in facts] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert facts[-1]["acquisition"] == "qUCB"
    assert facts[-1]["model"] == "single_task"
    assert facts[3]["why"] == "1 continuous parameter, at most 12"
    assert "8 identical, 0 different" in hpcopt("replay", tmp_path / "whole").output


def test_the_model_that_was_named_is_what_a_client_gives(tmp_path: Path) -> None:
    with begun(tmp_path / "bowl") as client:
        client.configure_generation_strategy("random_search")
        for _ in range(3):
            evaluate(client)
        plain = client.predict([{"x": 0.4}])
        client.configure_generation_strategy(model="saas")
        evaluate(client)
        models: Any = client.botorch_model().model
        assert isinstance(models.models[0], EnsembleMapSaasSingleTaskGP)
        mean, sem = client.predict([{"x": 0.4}])[0]["height"]
        assert (mean, sem) != plain[0]["height"]
        assert abs(mean - 0.01) < 0.05
        assert client.get_best_parameterization()[2] in range(8)
    # What is configured on the way is written down when it counts.
    assert "8 identical, 0 different" in hpcopt("replay", tmp_path / "bowl").output

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume

from hpcopt.analysis.utility import utility_of
from hpcopt.core.goals.pareto import infer_reference_point, is_nondominated
from tests.support.analysis_world import experiment, losses, observed


@pytest.mark.parametrize(
    ("objective", "label", "best"),
    [
        ("-loss", "loss", [3.0, 1.0, 1.0]),
        ("loss", "loss", [3.0, 3.0, 3.0]),
        ("-2*loss", "loss", [3.0, 1.0, 1.0]),
        ("-abs(loss - 2)", "abs(loss - 2)", [1.0, 1.0, 0.0]),
    ],
)
def test_the_utility_is_the_best_so_far_as_a_person_reads_it(
    objective: str, label: str, best: list[float]
) -> None:
    found = utility_of(experiment(objective, losses(3.0, 1.0, 2.0)))
    assert found.label == label
    assert found.best.tolist() == best


def test_only_whole_feasible_outcomes_improve_it() -> None:
    outcomes = [
        observed(loss=1.0, heat=9.0),
        observed(loss=3.0, heat=1.0),
        None,
        observed(loss=0.0),
        observed(loss=math.nan, heat=1.0),
        observed(loss=2.0, heat=1.0),
    ]
    found = utility_of(experiment("-loss", outcomes, ["heat <= 4"]))
    assert [trial.index for trial in found.trials] == [0, 1, 5]
    np.testing.assert_array_equal(found.best, [math.nan, 3.0, 2.0])
    assert found.is_improvement.tolist() == [False, True, True]


def test_of_no_trial_there_is_none() -> None:
    assert utility_of(experiment("-loss", [None, {}])).best.size == 0
    assert utility_of(experiment("-loss, cost", [None])).best.size == 0


def test_of_several_objectives_it_is_the_hypervolume_as_botorch_has_it() -> None:
    rng = np.random.default_rng(0)
    Y = rng.random((25, 2)) * [1.0, 50.0]
    outcomes = [
        observed(a=a, b=b, heat=h) for (a, b), h in zip(Y, rng.random(25), strict=True)
    ]
    found = utility_of(experiment("a, -b", outcomes, ["heat <= 0.8"]))
    is_in = found.is_feasible
    values = Y * [1.0, -1.0]
    scale = np.ptp(values[is_in], axis=0)
    front = values[is_in][is_nondominated(values[is_in])] / scale
    reference = infer_reference_point(front, (None, None)) * scale
    botorch = Hypervolume(torch.tensor(reference))
    for n in range(25):
        known = values[: n + 1][is_in[: n + 1]]
        if len(known) == 0:
            assert math.isnan(found.best[n])
            continue
        above = known[(known > reference).all(axis=1)]
        pareto = torch.tensor(above[is_nondominated(above)] if len(above) else above)
        assert found.best[n] == pytest.approx(botorch.compute(pareto))
    assert found.best[-1] > 0


def test_thresholds_are_the_reference_point() -> None:
    outcomes = [observed(a=3.0, b=2.0), observed(a=0.5, b=9.0), observed(a=2.0, b=4.0)]
    found = utility_of(experiment("a, b", outcomes, ["a >= 1", "b >= 1"]))
    assert found.best == pytest.approx([2.0, 2.0, 4.0])

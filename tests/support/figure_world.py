"""What the tests of figures share: a hard experiment's cards, and what was drawn."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.analysis import (
    ClusterAnalysis,
    ConstraintFeasibilityPlot,
    ContourPlot,
    MarginalEffectsPlot,
    ParallelCoordinatesPlot,
    PFeasiblePlot,
    SlicePlot,
)
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.analysis.plotly.plotly_analysis import with_arrays
from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Cause
from tests.support.cluster_world import Ran, cluster_view

_SPACE = SearchSpace(
    (
        RangeParameter("rate", 1e-5, 1e-1, log=True),
        RangeParameter("width", 0.0, 1.0),
        RangeParameter("layers", 1, 8, parameter_type="int"),
        ChoiceParameter("solver", ("adams", "bdf", "rk4")),
    )
)


def mixed_experiment(objective: str = "-loss, -energy", n: int = 24) -> Experiment:
    """Return an experiment with constraints, failures, curves and pending trials."""
    definition: dict[str, Any] = {
        "name": "turbine",
        **_SPACE.definition(),
        "objective": objective,
        "outcome_constraints": ["heat <= 5"],
        "seed": 0,
    }
    rng = np.random.default_rng(0)
    events: list[ev.Event] = [ev.ExperimentBegun(0.0, "test", definition, {})]
    for k in range(n):
        power, width = rng.uniform(-5.0, -1.0), float(rng.random())
        layers, solver = int(rng.integers(1, 9)), int(rng.integers(3))
        noise = 0.05 * rng.standard_normal(3)
        parameters = {
            "rate": float(10.0**power),
            "width": width,
            "layers": layers,
            "solver": ("adams", "bdf", "rk4")[solver],
        }
        loss = (power + 3) ** 2 / 3 + 5 * (width - 0.4) ** 2 + 0.2 * solver + noise[0]
        begin = 10.0 * k
        events += [
            ev.TrialsGenerated(begin, (ev.GeneratedTrial(k, parameters, "sobol"),)),
            ev.TrialsHandedOut(begin + 1, (k,)),
        ]
        events += [
            ev.DataAttached(
                begin + 1 + s,
                k,
                {"loss": ev.ObservedMetric(loss * (1 + 2 / s), step=s)},
            )
            for s in (1, 2, 3)
        ]
        outcome = {
            "loss": ev.ObservedMetric(float(loss), 0.05),
            "energy": ev.ObservedMetric(3 - 2 * width + float(noise[1]), 0.1),
            "heat": ev.ObservedMetric(4 + 3 * width - 0.3 * layers + float(noise[2])),
        }
        if k % 10 == 7:
            events.append(ev.TrialFailed(begin + 6, k, Cause.TRIAL, "exit code 3"))
        elif k % 9 == 4:
            events.append(ev.TrialEarlyStopped(begin + 6, k, "slow"))
        elif k < n - 1:
            events.append(ev.TrialCompleted(begin + 8, k, outcome))
    return Experiment.from_events(events)


def _on_a_cluster() -> ExperimentView:
    """Return an experiment with attempts of all kinds, some of them accounted."""
    trials = []
    for k in range(24):
        run = 600.0 + 97 * (k % 11)
        cause = {3: Cause.INFRASTRUCTURE, 6: Cause.TRIAL}.get(k % 8, Cause.SUCCESS)
        facts = {"node": f"n{k % 3}"}
        begin = 100.0 * k
        ran = Ran(begin, begin + 50 + 13 * (k % 5), begin + 200 + run, cause, facts)
        is_accounted = k % 3 > 0
        trials.append(
            [ran.accounted(2, max_rss_bytes=2**30 + 2**20 * k) if is_accounted else ran]
        )
    trials.append([Ran(0, None, 600, Cause.INFRASTRUCTURE)])
    settings = {"run": {"parallelism": 12}}
    return cluster_view(trials, settings=settings, calls={"squeue": 30, "sbatch": 25})


@cache
def all_cards() -> tuple[AnalysisCard, ...]:
    """Return the cards of an overview, and those that it has not, of all kinds."""
    found: list[AnalysisCard] = []
    view = ExperimentView(mixed_experiment())
    strategy = GenerationStrategyView(view.core)
    single = ExperimentView(mixed_experiment("-loss"))
    for analysis, of in (
        (OverviewAnalysis(), view),
        (OverviewAnalysis(), single),
        (ParallelCoordinatesPlot("loss"), view),
        (MarginalEffectsPlot("loss"), view),
        (ConstraintFeasibilityPlot(), view),
        (PFeasiblePlot(), view),
        (SlicePlot("layers", "loss"), view),
        (ContourPlot("rate", "width", "loss"), view),
        (ClusterAnalysis(), _on_a_cluster()),
    ):
        found += analysis.compute_or_error_card(of, strategy).flatten()
    return tuple(found)


def plot_of(card: AnalysisCard) -> dict[str, Any]:
    """Return a card's figure as plotly's JSON, with arrays."""
    plot: dict[str, Any] = with_arrays(json.loads(card.blob))
    return plot


def rows(*columns: Any) -> npt.NDArray[np.float64]:
    """Return columns as rows in an order of their own, to be compared with others."""
    found = np.column_stack([np.asarray(one, dtype=float) for one in columns])
    return found[np.lexsort(found.T[::-1])]

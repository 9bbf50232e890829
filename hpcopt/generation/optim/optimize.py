"""The maximisation of an acquisition: local searches from the best of many points.

Parameterizations that are used already are passed over. Discrete parameters are relaxed
first, and then the continuous ones are searched with the discrete ones rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from botorch.acquisition.acquisition import AcquisitionFunction
from scipy.optimize import minimize
from scipy.stats import qmc

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition.botorch import (
    AnalyticAcquisition,
    AutogradAcquisition,
)
from hpcopt.generation.design.feasible import feasible_region
from hpcopt.generation.design.initial import UsedPoints

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_Searchable = AnalyticAcquisition | AutogradAcquisition

#: Points drawn evenly over the space, and around the best ones so far.
_N_GLOBAL, _N_LOCAL = 256, 64

#: From how many of each a local search starts, where not told otherwise; and from how
#: many of the starts that it is given, and may have no others.
_N_STARTS, _N_GIVEN_STARTS = 2, 4

#: The distances of local points from the best ones, and the chance that a coordinate
#: is changed.
_LOCAL_DISTANCES = (1e-3, 0.3)
_LOCAL_CHANCE = 0.4

#: How many iterations a local search has, and how often the way from its feasible start
#: to an infeasible end is halved.
_MAX_ITERATIONS, _N_HALVINGS = 50, 30

#: Spaces of no more points are searched whole.
_MAX_ENUMERATED = 2000


@dataclass(frozen=True)
class SearchBox:
    """A box of the unit cube that the search keeps to."""

    lower: Array
    """Shape ``(d,)``."""
    upper: Array
    center: Array
    share: Array
    """How far from the centre it reaches, as a share of each coordinate's range."""

    @classmethod
    def whole(cls, d: int) -> SearchBox:
        """Return the unit cube."""
        return cls.around(np.zeros(d), np.ones(d))

    @classmethod
    def around(cls, center: Array, share: Array) -> SearchBox:
        """Return what is no further than ``share`` from ``center``, per coordinate."""
        lower = np.maximum(center - share, 0.0)
        return cls(lower, np.minimum(center + share, 1.0), center, share)

    def spread(self, X: Array) -> Array:
        """Return points of the unit cube, spread over the box instead."""
        return self.lower + (self.upper - self.lower) * X

    def shrunk(self, X: Array) -> Array:
        """Return points of the unit cube, moved towards the centre.

        They stay feasible where the centre is and constraints are linear.
        """
        return self.center + self.share * (X - self.center)


def optimize_acquisition(
    acquisition: AcquisitionFunction,
    space: SearchSpace,
    incumbents: Array,
    used: UsedPoints,
    rng: np.random.Generator,
    box: SearchBox,
    guesses: Array | None = None,
    n_starts: int = _N_STARTS,
) -> TParameterization | None:
    """Return the unused parameterization of largest acquisition value that was found.

    Args:
        acquisition: What to maximise, over the unit cube.
        space: The space that the cube stands for.
        incumbents: The best points so far, shape ``(n, d)``.
        used: What must not be returned.
        rng: Where all randomness comes from.
        box: Where to search; a space that is searched whole is not bounded by it.
        guesses: Further points to start from, shape ``(g, d)``.
        n_starts: From how many points of the whole space, and near the best, to start.

    Raises:
        FloatingPointError: The acquisition is not a number somewhere.
    """
    searched = _searchable(acquisition)
    if space.n_points is not None and space.n_points <= _MAX_ENUMERATED:
        X = space.all_points[used.unused(space.all_points)]
        if len(X) == 0:
            return None
        return _first_unused(space, used, X, _values(searched, X))
    discrete = space.is_discrete
    far, near = _global_and_local_points(space, incumbents, rng, box)
    pool = np.concatenate([far, near])
    values = _values(searched, pool)
    is_near = np.arange(len(pool)) >= len(far)
    order = np.argsort(-values, kind="stable")
    best = [order[~is_near[order]][:n_starts], order[is_near[order]][:n_starts]]
    starts = pool[np.concatenate(best)]
    if guesses is not None:
        snapped = space.snap(guesses)
        starts = np.concatenate([starts, snapped[space.is_feasible(snapped)]])
    ends = _local_maxima(searched, space, box, starts, np.zeros_like(discrete))
    if discrete.any() and not discrete.all():
        starts = np.concatenate([ends, starts])
        ends = _local_maxima(searched, space, box, starts, discrete)
    if len(space.exchange_moves):
        ends = np.concatenate([ends, _exchanged(searched, space, box, ends)])
    values = np.concatenate([_values(searched, ends), values])
    return _first_unused(space, used, np.concatenate([ends, pool]), values)


def optimize_from(
    acquisition: AcquisitionFunction,
    space: SearchSpace,
    starts: Array,
    used: UsedPoints,
    box: SearchBox,
) -> TParameterization | None:
    """Return the best unused parameterization of local searches from ``starts`` alone.

    Only the best few are searched from. Discrete parameters keep the values that they
    have there.

    Args:
        acquisition: What to maximise, over the unit cube.
        space: The space that the cube stands for.
        starts: Points of it, shape ``(s, d)``.
        used: What must not be returned.
        box: Where to search.

    Raises:
        FloatingPointError: The acquisition is not a number somewhere.
    """
    searched = _searchable(acquisition)
    X, values = starts, _values(searched, starts)
    if not space.is_discrete.all():
        best = starts[np.argsort(-values, kind="stable")[:_N_GIVEN_STARTS]]
        ends = _local_maxima(searched, space, box, best, space.is_discrete)
        X = np.concatenate([ends, starts])
        values = np.concatenate([_values(searched, ends), values])
    return _first_unused(space, used, X, values)


def local_minima(
    loss: Callable[[Array], tuple[float, Array]],
    starts: Array,
    box: SearchBox,
    fixed: Mask,
    constraints: list[dict[str, Any]],
) -> Array:
    """Return where local searches end.

    Args:
        loss: Returns the value at a point of shape ``(d,)``, and the gradient.
        starts: Shape ``(s, d)``.
        box: What is not left.
        fixed: Which coordinates keep their value, shape ``(d,)``.
        constraints: As SciPy's SLSQP takes them; without any it is L-BFGS-B.

    Returns:
        Points of the unit cube, shape ``(s, d)``; not a number where the way got lost.
    """
    ends = [
        minimize(
            loss,
            start,
            jac=True,
            method="SLSQP" if constraints else "L-BFGS-B",
            constraints=constraints,
            bounds=np.column_stack(
                [np.where(fixed, start, box.lower), np.where(fixed, start, box.upper)]
            ),
            options={"maxiter": _MAX_ITERATIONS},
        ).x
        for start in starts
    ]
    points: Array = np.clip(np.reshape(ends, starts.shape), 0.0, 1.0)
    return points


def slsqp_constraints(linear: LinearConstraints) -> list[dict[str, Any]]:
    """Return the constraints on parameters as SciPy's SLSQP takes them."""
    sides = [("ineq", linear.A, linear.b), ("eq", linear.A_equal, linear.b_equal)]
    return [
        {"type": kind, "fun": lambda x, A=A, b=b: b - A @ x, "jac": lambda _, A=A: -A}
        for kind, A, b in sides
        if len(b)
    ]


def _global_and_local_points(
    space: SearchSpace, incumbents: Array, rng: np.random.Generator, box: SearchBox
) -> tuple[Array, Array]:
    """Return valid points of the box, those spread over it and those near the best."""
    if space.is_constrained:
        everywhere = feasible_region(space).sample(_N_GLOBAL, rng)
    else:
        everywhere = qmc.Sobol(space.d, seed=rng).random(_N_GLOBAL)
    near = np.clip(_around(incumbents, space.is_discrete, rng), box.lower, box.upper)
    moved = box.shrunk if space.is_constrained else box.spread
    far, near = space.snap(moved(everywhere)), space.snap(near)
    far, near = far[space.is_feasible(far)], near[space.is_feasible(near)]
    if not len(far) + len(near):  # the constraints leave nothing of the box
        far = everywhere
    return far, near


def _around(incumbents: Array, discrete: Mask, rng: np.random.Generator) -> Array:
    """Return points near the incumbents, with other values where these are discrete."""
    X = incumbents[rng.integers(len(incumbents), size=_N_LOCAL)]
    shortest, longest = np.log(_LOCAL_DISTANCES)
    distances = np.exp(rng.uniform(shortest, longest, size=(_N_LOCAL, 1)))
    moved = np.clip(X + distances * rng.standard_normal(X.shape), 0, 1)
    moved = np.where(discrete, rng.random(X.shape), moved)
    return np.where(rng.random(X.shape) < _LOCAL_CHANCE, moved, X)


def _local_maxima(
    acquisition: _Searchable,
    space: SearchSpace,
    box: SearchBox,
    starts: Array,
    fixed: Mask,
) -> Array:
    """Return where local searches from ``starts`` end, ``fixed`` coordinates kept.

    All of them are points of the space, if the starts are.
    """
    # Linear constraints are followed; other ones may be left.
    constraints = slsqp_constraints(space.linear_constraints)
    if isinstance(acquisition, AutogradAcquisition) and not constraints:
        ends = acquisition.local_maxima(
            starts, box.lower, box.upper, fixed, _MAX_ITERATIONS
        )
        return space.snap(_pulled_back(space, starts, ends))

    def loss(x: Array) -> tuple[float, Array]:
        values, gradients = acquisition.values_and_gradients(x[None])
        if not np.isfinite(values).all() or not np.isfinite(gradients).all():
            raise FloatingPointError(f"the acquisition is not a number at {x.tolist()}")
        return -float(values[0]), -gradients[0]

    ends = local_minima(loss, starts, box, fixed, constraints)
    return space.snap(_pulled_back(space, starts, ends))


def _exchanged(
    acquisition: _Searchable, space: SearchSpace, box: SearchBox, starts: Array
) -> Array:
    """Return the points that exchanges of steps lead past, from the best start.

    Where amounts on grids add up, rounding them together leaves the relaxed optimum;
    taking a step from one and adding it to another is the smallest change there is.
    Each round moves to the best neighbour, as long as that is better.

    Returns:
        The neighbours of the last point, and the points on the way, shape ``(n, d)``.
    """
    values = _values(acquisition, starts)
    best = int(values.argmax())
    x, value = starts[best], values[best]
    way = [x[None]]
    for _ in range(_MAX_ITERATIONS):
        moved = x + space.exchange_moves
        is_in = ((moved >= box.lower) & (moved <= box.upper)).all(axis=1)
        X = space.snap(moved[is_in])
        X = X[space.is_feasible(X)]
        if not len(X):
            break
        values = _values(acquisition, X)
        if values.max() <= value:
            way.append(X)
            break
        x, value = X[values.argmax()], values.max()
        way.append(x[None])
    return np.concatenate(way)


def _pulled_back(space: SearchSpace, starts: Array, ends: Array) -> Array:
    """Return the ends, each as far from its feasible start as the space goes."""
    if not space.is_constrained:
        return ends
    far = np.where(space.is_feasible(ends), 1.0, 0.0)
    step = 0.5
    for _ in range(_N_HALVINGS):
        further = np.minimum(far + step, 1.0)
        moved = starts + further[:, None] * (ends - starts)
        far = np.where(space.is_feasible(moved), further, far)
        step /= 2
    return starts + far[:, None] * (ends - starts)


def _searchable(function: AcquisitionFunction) -> _Searchable:
    if isinstance(function, AnalyticAcquisition):
        return function
    return AutogradAcquisition(function)


def _values(acquisition: _Searchable, X: Array) -> Array:
    values = acquisition.values(X)
    if np.isnan(values).any():
        raise FloatingPointError("the acquisition is not a number")
    return values


def _first_unused(
    space: SearchSpace, used: UsedPoints, X: Array, values: Array
) -> TParameterization | None:
    ranked = X[np.argsort(-values, kind="stable")]
    unused = ranked[used.unused(ranked)][:1]
    return space.decode(unused)[0] if len(unused) else None

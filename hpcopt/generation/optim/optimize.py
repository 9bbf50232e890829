"""The search for the point that promises most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition.log_ei import Acquisition
from hpcopt.generation.design.feasible import feasible_region
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.optim.local_search import climbed, for_slsqp
from hpcopt.generation.proposers.schedule import Region

Array = npt.NDArray[np.float64]

#: Points drawn evenly over the space, and around the best ones so far.
_N_GLOBAL, _N_LOCAL = 256, 64

#: From how many of each a search by gradient starts, where not told otherwise.
_N_STARTS = 2

#: From how many of the starts that it is given, and may have no others.
_N_CLIMBED = 4

#: The distances of local points from the best ones, and the chance that a coordinate
#: is changed.
_LOCAL_DISTANCES = (1e-3, 0.3)
_LOCAL_CHANCE = 0.4

#: How often the way from a feasible start to an infeasible end is halved.
_N_HALVINGS = 30

#: Spaces of no more points are searched whole.
_MAX_ENUMERATED = 2000


def best_unused(
    acquisition: Acquisition,
    space: SearchSpace,
    incumbents: Array,
    used: UsedPoints,
    rng: np.random.Generator,
    region: Region,
    guesses: Array | None = None,
    n_starts: int = _N_STARTS,
) -> TParameterization | None:
    """Return the unused parameterization of largest acquisition that was found.

    Args:
        acquisition: What to maximise, over the unit cube.
        space: The space that the cube stands for.
        incumbents: The best points so far, shape ``(n, d)``.
        used: What must not be returned.
        rng: Where all randomness comes from.
        region: Where to search; a space that is searched whole is not bounded by it.
        guesses: Further points to climb from, shape ``(g, d)``.
        n_starts: From how many points of the whole space, and as many near the best
            ones, a search by gradient starts.

    Raises:
        FloatingPointError: The acquisition is not a number somewhere.
    """
    if space.n_points is not None and space.n_points <= _MAX_ENUMERATED:
        found = space.all_points[used.unused(space.all_points)]
        if len(found) == 0:
            return None
        values = _values(acquisition, found)
    else:
        found, values = _search(
            acquisition, space, incumbents, rng, region, guesses, n_starts
        )
    return _first_unused(space, found, values, used)


def best_from(
    acquisition: Acquisition,
    space: SearchSpace,
    starts: Array,
    used: UsedPoints,
    region: Region,
) -> TParameterization | None:
    """Return the best unused parameterization on the ways up from ``starts``.

    Only the best few are climbed from. Discrete parameters keep the values that they
    have there.

    Raises:
        FloatingPointError: The acquisition is not a number somewhere.
    """
    found, values = starts, _values(acquisition, starts)
    if not space.is_discrete.all():
        begun = starts[np.argsort(-values, kind="stable")[:_N_CLIMBED]]
        ends = _ends(acquisition, space, region, begun, space.is_discrete)
        found = np.concatenate([ends, starts])
        values = np.concatenate([_values(acquisition, ends), values])
    return _first_unused(space, found, values, used)


def _first_unused(
    space: SearchSpace, X: Array, values: Array, used: UsedPoints
) -> TParameterization | None:
    ranked = X[np.argsort(-values, kind="stable")]
    unused = ranked[used.unused(ranked)][:1]
    return space.decode(unused)[0] if len(unused) else None


def _search(
    acquisition: Acquisition,
    space: SearchSpace,
    incumbents: Array,
    rng: np.random.Generator,
    region: Region,
    guesses: Array | None,
    n_starts: int,
) -> tuple[Array, Array]:
    """Return promising points, all of them valid, and their values."""
    discrete = space.is_discrete
    if space.is_constrained:
        everywhere = feasible_region(space).sample(_N_GLOBAL, rng)
    else:
        everywhere = qmc.Sobol(space.d, seed=rng).random(_N_GLOBAL)
    near = np.clip(_around(incumbents, discrete, rng), region.lower, region.upper)
    moved = region.shrunk if space.is_constrained else region.spread
    far, near = space.snap(moved(everywhere)), space.snap(near)
    far, near = far[space.is_feasible(far)], near[space.is_feasible(near)]
    if not len(far) + len(near):  # the constraints leave nothing of the box
        far = everywhere
    pool = np.concatenate([far, near])
    values = _values(acquisition, pool)
    is_near = np.arange(len(pool)) >= len(far)
    order = np.argsort(-values, kind="stable")
    starts = np.concatenate(
        [
            order[~is_near[order]][:n_starts],
            order[is_near[order]][:n_starts],
        ]
    )
    begun = pool[starts]
    if guesses is not None:
        snapped = space.snap(guesses)
        begun = np.concatenate([begun, snapped[space.is_feasible(snapped)]])
    ends = _ends(acquisition, space, region, begun, np.zeros_like(discrete))
    if discrete.any() and not discrete.all():
        begun = np.concatenate([ends, begun])
        ends = _ends(acquisition, space, region, begun, discrete)
    return (
        np.concatenate([ends, pool]),
        np.concatenate([_values(acquisition, ends), values]),
    )


def _pulled_back(space: SearchSpace, starts: Array, ends: Array) -> Array:
    """Return the ends, each as far from its feasible start as the region goes."""
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


def _around(
    incumbents: Array, discrete: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Array:
    """Return points near the incumbents, with other values where these are discrete."""
    X = incumbents[rng.integers(len(incumbents), size=_N_LOCAL)]
    shortest, longest = np.log(_LOCAL_DISTANCES)
    distances = np.exp(rng.uniform(shortest, longest, size=(_N_LOCAL, 1)))
    moved = np.clip(X + distances * rng.standard_normal(X.shape), 0, 1)
    moved = np.where(discrete, rng.random(X.shape), moved)
    return np.where(rng.random(X.shape) < _LOCAL_CHANCE, moved, X)


def _ends(
    acquisition: Acquisition,
    space: SearchSpace,
    region: Region,
    starts: Array,
    fixed: npt.NDArray[np.bool_],
) -> Array:
    """Return where each of ``starts`` leads uphill, its ``fixed`` coordinates kept.

    All of them are points of the space, if the starts are.
    """

    def loss(x: Array) -> tuple[float, Array]:
        values, gradients = acquisition.values_and_gradients(x[None])
        if not np.isfinite(values).all() or not np.isfinite(gradients).all():
            raise FloatingPointError(f"the acquisition is not a number at {x.tolist()}")
        return -float(values[0]), -gradients[0]

    # Linear constraints are followed; other ones may be left.
    sides = for_slsqp(space.linear_constraints)
    ends = climbed(loss, starts, region, fixed, sides)
    return space.snap(_pulled_back(space, starts, ends))


def _values(acquisition: Acquisition, X: Array) -> Array:
    values = acquisition.values(X)
    if np.isnan(values).any():
        raise FloatingPointError("the acquisition is not a number")
    return values

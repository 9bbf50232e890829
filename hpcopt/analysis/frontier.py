"""The best trade-offs between an expected objective and its chance to be feasible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.models import Models
from hpcopt.generation.design.feasible import feasible_region

Array = npt.NDArray[np.float64]

#: How many points are tried all over the space; then, in rounds, how many around the
#: best trade-offs, at distances that shrink by a factor a round.
_N_EVERYWHERE, _N_ROUNDS, _N_AROUND = 2048, 10, 512
_WIDEST, _FACTOR = 0.3, 0.65

#: About so many coordinates change at once: all at once seldom gain.
_N_CHANGED = 2.0

#: Of more trade-offs than these some are enough to go on from.
_MOST_KEPT = 128


def feasibility_frontier(models: Models, n: int, seed: int = 0) -> Array:
    """Return points of the unit cube that no other point is found to be better than.

    Better is: the model expects a larger objective, and it is likelier that all outcome
    constraints hold. They are found by an evolutionary search, and are feasible as to
    the constraints on parameters.

    Args:
        models: Of an experiment with one objective.
        n: How many at most; they are spread over the range of probabilities.
        seed: That of all that is random.

    Returns:
        Shape ``(m, d)``, by increasing probability.

    Raises:
        GenerationError: There is too little to learn from.
    """
    rng = np.random.default_rng(seed)
    region, space = feasible_region(models.space), models.space
    known = models.encode([trial.parameters for trial in models.snapshot.completed])
    known = known[space.is_inside(known)]
    X = np.concatenate([known, region.sample(_N_EVERYWHERE, rng)])
    values = _values(models, X)
    X, values = _best(X, values)
    for k in range(_N_ROUNDS):
        parents = X[rng.integers(len(X), size=_N_AROUND)]
        is_changed = rng.random(parents.shape) < _N_CHANGED / space.d
        step = _WIDEST * _FACTOR**k * rng.standard_normal(parents.shape)
        children = space.snap(np.clip(parents + is_changed * step, 0.0, 1.0))
        children = children[space.is_feasible(children)]
        values = np.concatenate([values, _values(models, children)])
        X, values = _best(np.concatenate([X, children]), values)
    return X[_spread(values[:, 1], n)]


def _values(models: Models, X: Array) -> Array:
    """Return what is to be large, shape ``(b, 2)``."""
    mean, _ = models.objective(X)
    return np.stack([mean, models.probability_feasible(X)], axis=1)


def _best(X: Array, values: Array) -> tuple[Array, Array]:
    """Return the trade-offs among points by increasing probability, not too many."""
    # By falling objective, and of equal ones by falling probability: what is likelier
    # than all before it is not dominated.
    order = np.lexsort((-values[:, 1], -values[:, 0]))
    probabilities = values[order, 1]
    before = np.maximum.accumulate(np.concatenate([[-1.0], probabilities[:-1]]))
    kept = order[probabilities > before]
    kept = kept[_spread(values[kept, 1], _MOST_KEPT)]
    return X[kept], values[kept]


def _spread(probabilities: Array, n: int) -> npt.NDArray[np.intp]:
    """Return the indices of ``n`` ascending numbers that are spread over their range.

    The largest and the smallest are among them.
    """
    if len(probabilities) <= n:
        return np.arange(len(probabilities))
    wanted = np.linspace(probabilities[-1], probabilities[0], n)
    nearest = np.abs(probabilities[:, None] - wanted).argmin(axis=0)
    return np.unique(nearest)

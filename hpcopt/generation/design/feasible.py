"""Points that satisfy the constraints on parameters. Loads no torch.

The first are found among random points, between vertices of the linear constraints, or
by descent on the violation; from them hit-and-run walks draw points all over.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import SearchSpace

Array = npt.NDArray[np.float64]

#: Random points that are tried before feasible ones are searched for.
_N_TRIED = 4096

#: The search for a feasible point: how many points descend, and for how many rounds;
#: their steps, from the finest to the widest.
_N_SEARCHERS, _N_ROUNDS = 64, 400
_STEPS = (1e-6, 0.3)

#: So many walk together at least, and begin between so many vertices.
_N_WALKERS, _N_VERTICES = 64, 32

#: A walk forgets where it began after so many steps, and so many more a coordinate.
_N_STEPS, _N_STEPS_EACH = 20, 2

#: After so many halvings a step leads nowhere, and the walk stays.
_N_SHRINKS = 30


class FeasibleRegion:
    """The part of the cube whose points, decoded, satisfy the constraints."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return ``n`` feasible points, spread evenly, shape ``(n, d)``.

        Raises:
            ConfigError: None could be found.
        """
        drawn = rng.random((2 * n, self._space.d))
        X = self._space.snap(drawn)
        X = X[self._space.is_feasible(X) & self._space.is_rounded(drawn)]
        if len(X) >= n:
            return X[:n]
        starts = self._starts
        walkers = starts[rng.integers(len(starts), size=max(n, _N_WALKERS))]
        return self._walk(walkers, rng)[:n]

    def accepts(self, X: Array) -> npt.NDArray[np.bool_]:
        """Return which points are feasible and moved by rounding alone, ``(n,)``."""
        accepted = self._space.is_feasible(X)
        accepted[accepted] = self._space.is_rounded(X[accepted])
        return accepted

    @cached_property
    def center(self) -> Array:
        """A point deep inside, shape ``(d,)``.

        Raises:
            ConfigError: No feasible point could be found.
        """
        space = self._space
        center = np.full(space.d, 0.5)
        if len(space.linear_constraints.b) + len(space.linear_constraints.b_equal):
            center = self._chebyshev_center()
        snapped = space.snap(center[None])
        if space.is_feasible(snapped)[0]:
            point: Array = snapped[0]
            return point
        points = self.sample(_N_SEARCHERS, np.random.default_rng(0))
        nearest = np.square(points - points.mean(axis=0)).sum(axis=1).argmin()
        chosen: Array = points[nearest]
        return chosen

    @cached_property
    def _starts(self) -> Array:
        """Feasible points, at least one, as far apart as can be."""
        space, rng = self._space, np.random.default_rng(0)
        X = rng.random((_N_TRIED, space.d))
        violation = space.violation(X)
        between = self._between_vertices(rng)
        is_feasible = violation == 0.0
        is_near = is_feasible & space.is_rounded(X)
        found = np.concatenate([X[is_near], between])
        if len(found):
            return found
        if is_feasible.any():
            return space.snap(X[is_feasible])
        nearest = X[np.argsort(violation, kind="stable")[:_N_SEARCHERS]]
        found = self._descend(
            np.concatenate([self._chebyshev_center()[None], nearest]), rng
        )
        if len(found) == 0:
            raise ConfigError(
                "parameter_constraints: expected points that satisfy all of "
                f"{list(space.constraints)}, found none among "
                f"{_N_TRIED + _N_SEARCHERS * _N_ROUNDS} tried; they contradict each "
                "other, or leave too little to find"
            )
        return found

    def _between_vertices(self, rng: np.random.Generator) -> Array:
        """Return feasible points between random vertices of the linear constraints."""
        linear, d = self._space.linear_constraints, self._space.d
        if not len(linear.b) + len(linear.b_equal):
            return np.zeros((0, d))
        from scipy.optimize import linprog  # takes longer to load than all else here

        vertices = [self._chebyshev_center()]
        for direction in rng.standard_normal((_N_VERTICES, d)):
            answer = linprog(
                c=direction,
                A_ub=linear.A,
                b_ub=linear.b,
                A_eq=linear.A_equal,
                b_eq=linear.b_equal,
                bounds=[(0.0, 1.0)] * d,
            )
            if answer.x is not None:
                vertices.append(answer.x)
        # Little of each: what lies between few of them is near the edge.
        weights = rng.dirichlet(np.full(len(vertices), 0.5), size=_N_TRIED)
        X: Array = np.concatenate([vertices[:1], weights @ np.array(vertices)])
        return X[self.accepts(X)]

    def _chebyshev_center(self) -> Array:
        """Return the centre of the largest ball inside the linear constraints.

        Its shape is ``(d,)``. It is found by a linear program: Boyd and Vandenberghe,
        "Convex Optimization" (2004), section 8.5.1.

        Raises:
            ConfigError: They contradict each other.
        """
        from scipy.optimize import linprog

        linear, d = self._space.linear_constraints, self._space.d
        norms = np.linalg.norm(linear.A, axis=1)
        identity, ones = np.eye(d), np.ones(d)
        # The variables are the centre and the radius.
        answer = linprog(
            c=[*np.zeros(d), -1.0],
            A_ub=np.column_stack(
                [
                    np.concatenate([linear.A, identity, -identity]),
                    np.concatenate([norms, ones, ones]),
                ]
            ),
            b_ub=np.concatenate([linear.b, ones, np.zeros(d)]),
            A_eq=np.column_stack([linear.A_equal, np.zeros(len(linear.b_equal))]),
            b_eq=linear.b_equal,
            bounds=[(0.0, 1.0)] * (d + 1),
        )
        if answer.x is None:
            raise ConfigError(
                "parameter_constraints: expected points that satisfy all of "
                f"{list(self._space.constraints)} within the bounds, found that they "
                "contradict each other"
            )
        center: Array = answer.x[:d]
        return center

    def _descend(self, X: Array, rng: np.random.Generator) -> Array:
        """Return the feasible points to which ``X`` leads by random steps."""
        violation = self._space.violation(X)
        finest, widest = np.log(_STEPS)
        for _ in range(_N_ROUNDS):
            if (violation == 0.0).any():
                break
            steps = np.exp(rng.uniform(finest, widest, size=(len(X), 1)))
            moved = np.clip(X + steps * rng.standard_normal(X.shape), 0.0, 1.0)
            after = self._space.violation(moved)
            is_better = after <= violation
            X = np.where(is_better[:, None], moved, X)
            violation = np.where(is_better, after, violation)
        found: Array = X[violation == 0.0]
        return found

    def _walk(self, X: Array, rng: np.random.Generator) -> Array:
        """Return where random walks inside the region lead from ``X``.

        Hit-and-run (Smith, 1984): along a random line, a random point of the part of
        the line that is inside, which is found by shrinking from the cube's. Most lines
        have the direction from one walker to another, which suits the region's own
        shape however thin that is.
        """
        n, d = X.shape
        for step in range(_N_STEPS + _N_STEPS_EACH * d):
            direction = _directions(step, X, rng)
            low, high = _chord(X, direction)
            is_open = np.ones(n, dtype=bool)
            for _ in range(_N_SHRINKS):
                t = rng.uniform(low, high)
                moved = np.clip(X + t[:, None] * direction, 0.0, 1.0)
                accepted = is_open.copy()
                accepted[is_open] = self.accepts(moved[is_open])
                X = np.where(accepted[:, None], moved, X)
                is_open &= ~accepted
                if not is_open.any():
                    break
                low, high = np.where(t < 0, t, low), np.where(t < 0, high, t)
        return self._space.snap(X)


def _directions(step: int, X: Array, rng: np.random.Generator) -> Array:
    """Return where each walker goes in this step, shape of ``X``."""
    n, d = X.shape
    if step % 4 == 1:
        return rng.standard_normal((n, d))
    if step % 4 == 3:  # along an axis: the ends of narrow regions are reached
        axes: Array = np.eye(d)[rng.integers(d, size=n)]
        return axes
    first, second = rng.integers(n, size=(2, n))
    between: Array = X[first] - X[second]
    return between


def _chord(X: Array, direction: Array) -> tuple[Array, Array]:
    """Return from where to where lines through ``X`` lie in the cube."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = -X / direction, (1.0 - X) / direction
    low = np.where(direction == 0.0, -np.inf, np.minimum(first, second)).max(axis=1)
    high = np.where(direction == 0.0, np.inf, np.maximum(first, second)).min(axis=1)
    is_line = np.isfinite(high - low)  # not where two walkers stand on one point
    return np.where(is_line, low, 0.0), np.where(is_line, high, 0.0)


@lru_cache(maxsize=4)
def feasible_region(space: SearchSpace) -> FeasibleRegion:
    """Return the region, which remembers where its walks may begin."""
    return FeasibleRegion(space)


def check_feasible(space: SearchSpace) -> None:
    """Check that there are points to propose.

    Raises:
        ConfigError: The constraints contradict each other, or leave too little.
    """
    if space.is_constrained:
        _ = feasible_region(space).center

"""Linear equalities over parameters on grids alone: shares in whole percent.

No parameter can be solved for, as its value might lie between steps. Instead the steps
of all are rounded together: each value is moved onto the equality, rounded, and single
steps are added or taken where that costs least, as in the apportionment of seats by
largest remainders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import LinearForm
from hpcopt.core.space.ranges import RangeParameter

Array = npt.NDArray[np.float64]
Reach = tuple[npt.NDArray[np.bool_], int]

#: Sums that differ by less are the same but for rounding.
_ROUNDING = 1e-9

#: What sums are in reach is not listed where that is more work than this.
_MAX_LISTED = 2 * 10**7


@dataclass(frozen=True)
class GridEquality:
    """``weights @ k == total`` for the numbers of steps ``k`` above the lower bounds.

    All numbers are whole.
    """

    names: tuple[str, ...]
    weights: tuple[int, ...]
    tops: tuple[int, ...]
    """The largest number of steps of each."""
    total: int
    is_own: tuple[bool, ...]
    """Which of them are in no other equality; the others are rounded each alone."""

    def balanced(self, steps: Array) -> Array:
        """Return the whole numbers of steps nearest to ``steps`` that satisfy it.

        Args:
            steps: Any numbers, shape ``(n, m)``.

        Returns:
            The same shape; a row that cannot satisfy it is rounded as near as can be.
        """
        w, tops = np.array(self.weights, float), np.array(self.tops, float)
        own = np.array(self.is_own)
        wanted = np.clip(steps, 0.0, tops)
        wanted = np.where(own, wanted, np.rint(wanted))
        for _ in range(len(w) + 1):  # each time the rest is met, or a bound
            rest = self.total - wanted @ w
            if np.abs(rest).max(initial=0.0) <= _ROUNDING * abs(w).max():
                break
            is_up = np.sign(rest)[:, None] * w > 0
            can_move = own & np.where(is_up, wanted < tops, wanted > 0)
            norm = np.square(w * can_move).sum(axis=1)
            share = np.divide(rest, norm, out=np.zeros_like(rest), where=norm > 0)
            wanted = np.clip(wanted + share[:, None] * w * can_move, 0.0, tops)
        k = self._stepped(np.rint(wanted), wanted)
        rows = np.flatnonzero(k @ w != self.total)
        if len(rows) and self._reaches is not None:
            k[rows] = self._looking_ahead(k[rows])
        return k

    def _stepped(self, k: Array, wanted: Array) -> Array:
        """Return ``k`` after the single steps that meet the total at least cost.

        The cost is the change of the squared distance from ``wanted`` for each unit of
        the rest. Rows where every step leads further away stay off the total.
        """
        w, tops = np.array(self.weights, float), np.array(self.tops, float)
        moves = np.concatenate([np.eye(len(w)), -np.eye(len(w))])
        own = np.tile(self.is_own, 2)
        is_open = np.ones(len(k), dtype=bool)
        while True:
            rest = self.total - k @ w
            is_open &= rest != 0
            rows = np.flatnonzero(is_open)
            if not len(rows):
                return k
            gain = np.abs(rest[rows, None]) - np.abs(rest[rows, None] - moves @ w)
            off = k[rows] - wanted[rows]
            cost = 1 + 2 * np.concatenate([off, -off], axis=1)
            room = np.concatenate([k[rows] < tops, k[rows] > 0], axis=1)
            can_move = own & room & (gain > 0)
            price = np.where(can_move, cost / np.where(can_move, gain, 1), np.inf)
            best = price.argmin(axis=1)
            is_open[rows] = can_move[np.arange(len(rows)), best]
            rows, best = rows[is_open[rows]], best[is_open[rows]]
            k[rows] += moves[best]

    def _looking_ahead(self, k: Array) -> Array:
        """Return rows that satisfy it: one value after the other near ``k``.

        Each is the nearest with which the rest can still be met; rows of which the
        total is out of reach stay as they are.
        """
        assert self._reaches is not None
        found, rest = k.copy(), self.total - k @ np.array(self.weights, float)
        order = [j for j, is_own in enumerate(self.is_own) if is_own]
        rest += k[:, order] @ np.array([self.weights[j] for j in order], float)
        is_met = np.ones(len(k), dtype=bool)
        for j, reach in zip(order, self._reaches, strict=True):
            steps = np.arange(self.tops[j] + 1.0)
            can = _is_in(reach, rest[:, None] - self.weights[j] * steps)
            distance = np.where(can, np.abs(steps - k[:, j, None]), np.inf)
            found[:, j] = distance.argmin(axis=1)
            is_met &= can.any(axis=1)
            rest = rest - self.weights[j] * found[:, j]
        return np.where(is_met[:, None], found, k)

    @cached_property
    def _reaches(self) -> tuple[Reach, ...] | None:
        """The sums in reach of the own parameters that follow each of them.

        ``None`` where no look ahead is needed, as single steps lead everywhere, or
        where there would be too much to list.
        """
        own = [j for j, is_own in enumerate(self.is_own) if is_own]
        span = sum(abs(self.weights[j]) * self.tops[j] for j in own) + 1
        is_unit = all(abs(self.weights[j]) == 1 for j in own)
        if is_unit or span * sum(self.tops[j] + 1 for j in own) > _MAX_LISTED:
            return None
        reach: Reach = (np.ones(1, dtype=bool), 0)
        reaches = []
        for j in reversed(own):
            reaches.append(reach)
            reach = _widened(reach, self.weights[j], self.tops[j])
        return tuple(reversed(reaches))

    @property
    def exchanges(self) -> list[tuple[tuple[str, int], tuple[str, int]]]:
        """Pairs of names with numbers of steps to add, which keep the sum."""
        own = [
            (name, w)
            for name, w, is_own in zip(
                self.names, self.weights, self.is_own, strict=True
            )
            if is_own
        ]
        return [
            ((a, v // math.gcd(u, v)), (b, -u // math.gcd(u, v)))
            for a, u in own
            for b, v in own
            if a != b
        ]

    @property
    def has_solution(self) -> bool:
        """Whether some steps satisfy it, as far as that is told by it alone."""
        k = self.balanced(np.array([self.tops]) / 2.0)
        return bool(k[0] @ np.array(self.weights, float) == self.total)


def _widened(reach: Reach, weight: int, top: int) -> Reach:
    """Return the sums in reach with one parameter more."""
    sums, lowest = reach
    found = np.zeros(len(sums) + abs(weight) * top, dtype=bool)
    for k in range(top + 1):
        found[abs(weight) * k : abs(weight) * k + len(sums)] |= sums
    return found, lowest + min(weight, 0) * top


def _is_in(reach: Reach, sums: Array) -> npt.NDArray[np.bool_]:
    is_reached, lowest = reach
    at = sums.astype(np.int64) - lowest
    is_listed = (at >= 0) & (at < len(is_reached))
    return is_listed & is_reached[np.where(is_listed, at, 0)]


def grid_equalities(
    forms: Sequence[LinearForm], parameters: Mapping[str, RangeParameter]
) -> tuple[GridEquality, ...]:
    """Return ``form == 0``, for all of ``forms``, as equalities of whole numbers.

    They are brought to reduced row echelon form, exactly, in fractions.

    Args:
        forms: Over names of ``parameters`` alone.
        parameters: Parameters on grids, by name.

    Raises:
        ConfigError: One has no solution.
    """
    rows = _reduced([_in_steps(form, parameters) for form in forms])
    counts: dict[str, int] = {}
    for weights, _ in rows:
        for name in weights:
            counts[name] = counts.get(name, 0) + 1
    found = []
    for weights, side in rows:
        scale = math.lcm(*(w.denominator for w in weights.values()))
        divisor = math.gcd(*(int(w * scale) for w in weights.values()))
        total = side * scale / divisor
        n_values = [parameters[name].n_values or 1 for name in weights]
        equality = GridEquality(
            names=tuple(weights),
            weights=tuple(int(w * scale) // divisor for w in weights.values()),
            tops=tuple(n - 1 for n in n_values),
            total=math.floor(total),
            is_own=tuple(counts[name] == 1 for name in weights),
        )
        may_differ = not all(equality.is_own)  # what others fix is not known here
        if total.denominator > 1 or not (may_differ or equality.has_solution):
            raise ConfigError(
                "parameter_constraints: expected values of "
                f"{', '.join(equality.names)} on their steps and within their bounds "
                "that satisfy the equality, found that there are none"
            )
        found.append(equality)
    return tuple(found)


_Row = tuple[dict[str, Fraction], Fraction]


def _in_steps(form: LinearForm, parameters: Mapping[str, RangeParameter]) -> _Row:
    """Return a form as weights of numbers of steps, and what these shall sum to."""
    weights, side = {}, -_fraction(form.constant)
    for name, weight in form.weights.items():
        parameter = parameters[name]
        side -= _fraction(weight) * _fraction(parameter.lower)
        weights[name] = _fraction(weight) * _fraction(parameter.grid or 1.0)
    return {name: w for name, w in weights.items() if w}, side


def _reduced(rows: list[_Row]) -> list[_Row]:
    """Return rows of the same solutions, each with a name that no other one has."""
    done: list[_Row] = []
    for k in range(len(rows)):
        weights, side = rows[k]
        if not weights:
            if side:
                raise ConfigError(
                    "parameter_constraints: the equalities contradict each other"
                )
            continue
        pivot = max(weights, key=lambda name: abs(weights[name]))
        row = (weights, side)
        done = [_without(other, pivot, row) for other in done]
        rows[k + 1 :] = [_without(other, pivot, row) for other in rows[k + 1 :]]
        done.append(row)
    return done


def _without(row: _Row, name: str, pivot: _Row) -> _Row:
    """Return a row less a multiple of another one, so that it lacks a name."""
    weights, side = row
    if name not in weights:
        return row
    factor = weights[name] / pivot[0][name]
    names = dict.fromkeys([*weights, *pivot[0]])
    rest = {
        n: weights.get(n, Fraction(0)) - factor * pivot[0].get(n, Fraction(0))
        for n in names
    }
    return {n: w for n, w in rest.items() if w}, side - factor * pivot[1]


def _fraction(number: float) -> Fraction:
    """Return a number as it is written: 0.1 is a tenth."""
    return Fraction(Decimal(repr(float(number))))

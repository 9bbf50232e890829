"""The relations between parameters: conditions, derived parameters, constraints.

It works on *tables* of codes, shape ``(n, p)``: a row for each parameterization, a
column for each searched parameter, NaN where that is inactive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import LinearForm
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.conditions import Condition, check_conditions, in_order
from hpcopt.core.space.equalities import SolvedParameter, solve_equalities
from hpcopt.core.space.grid_equalities import GridEquality, grid_equalities
from hpcopt.core.space.parameter_constraints import (
    TOLERANCE,
    ParameterConstraint,
    parse_constraints,
)
from hpcopt.core.space.ranges import RangeParameter

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Parameter = RangeParameter | ChoiceParameter | DerivedParameter


@dataclass(frozen=True)
class Structure:
    """The parameters of a space with the relations between them.

    Raises:
        ConfigError: A relation is malformed or contradicts another one.
    """

    parameters: tuple[Parameter, ...]
    constraint_texts: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        check_conditions(self.conditions, self._by_name, self._all)
        for parameter in self.parameters:
            if isinstance(parameter, DerivedParameter):
                self._check_names(
                    f"parameter {parameter.name!r}",
                    parameter.expression.names,
                    is_copy=parameter.parameter_type in ("str", "bool"),
                )
        for constraint in self.constraints:
            self._check_names(constraint.left.where, constraint.names)
        _ = self._order, self.solved

    def _check_names(
        self, where: str, names: Iterable[str], *, is_copy: bool = False
    ) -> None:
        for name in names:
            parameter = self._all.get(name)
            if parameter is None:
                raise ConfigError(
                    f"{where}: expected names of parameters, found {name!r}"
                )
            if not is_copy and not _is_numeric(parameter):
                raise ConfigError(f"{where}: expected numbers, found the text {name!r}")

    @cached_property
    def searched(self) -> tuple[RangeParameter | ChoiceParameter, ...]:
        """The parameters that are searched over: all but derived ones."""
        return tuple(p for p in self.parameters if not isinstance(p, DerivedParameter))

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The column of each searched parameter."""
        return {parameter.name: k for k, parameter in enumerate(self.searched)}

    @cached_property
    def constraints(self) -> tuple[ParameterConstraint, ...]:
        """The constraints, inequalities and equalities, in the order written."""
        return parse_constraints(self.constraint_texts)

    @cached_property
    def derived(self) -> tuple[DerivedParameter, ...]:
        """The derived parameters in topological order: dependencies first."""
        found = (self._all[name] for name in self._order)
        return tuple(p for p in found if isinstance(p, DerivedParameter))

    @property
    def solved(self) -> tuple[SolvedParameter, ...]:
        """The parameters that equality constraints eliminate."""
        return self._equalities[0]

    @property
    def grid_equalities(self) -> tuple[GridEquality, ...]:
        """The equalities over parameters on grids alone, not solved for any."""
        return self._equalities[1]

    @cached_property
    def _equalities(
        self,
    ) -> tuple[tuple[SolvedParameter, ...], tuple[GridEquality, ...]]:
        forms = [
            self.reduced_form(constraint)
            for constraint in self.constraints
            if constraint.is_equality
        ]
        free = {
            p.name: p
            for p in self.searched
            if isinstance(p, RangeParameter)
            and p.n_values is None
            and p.name not in self.conditional
        }
        solved, rest = solve_equalities([form for form in forms if form], free)
        on_grids = {
            p.name: p
            for p in self.searched
            if isinstance(p, RangeParameter)
            and p.n_values is not None
            and p.name not in self.conditional
        }
        forms_on_grids = [self._with_fixed_values(form) for form in rest]
        for form in forms_on_grids:
            if not form.weights.keys() <= on_grids.keys():
                raise ConfigError(
                    "parameter_constraints: expected in each equality a float "
                    "parameter without step_size and without conditions, to be solved "
                    "for, or only ranges of whole numbers or with step_size, without "
                    f"conditions, found {list(form.weights)}"
                )
        return solved, grid_equalities(forms_on_grids, on_grids)

    def _with_fixed_values(self, form: LinearForm) -> LinearForm:
        """Return a form in which fixed parameters are replaced by their values."""
        constant, weights = form.constant, dict(form.weights)
        for name in form.weights:
            parameter = self._by_name[name]
            if isinstance(parameter, ChoiceParameter) and len(parameter.known) == 1:
                [value] = parameter.numeric_values(np.zeros(1)).tolist()
                constant += weights.pop(name) * value
        return LinearForm(weights, constant)

    @cached_property
    def conditional(self) -> frozenset[str]:
        """The names of parameters that may be inactive."""
        found = {condition.parameter for condition in self.conditions}
        for parameter in self.derived:
            if found & set(parameter.expression.names):
                found.add(parameter.name)
        return frozenset(found)

    @cached_property
    def _all(self) -> Mapping[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def _by_name(self) -> Mapping[str, RangeParameter | ChoiceParameter]:
        return {parameter.name: parameter for parameter in self.searched}

    @cached_property
    def _order(self) -> list[str]:
        """The names of all parameters in topological order: dependencies first."""
        needs: dict[str, list[str]] = {name: [] for name in self._all}
        for condition in self.conditions:
            needs[condition.parameter].append(condition.parent)
        for parameter in self.parameters:
            if isinstance(parameter, DerivedParameter):
                needs[parameter.name] += parameter.expression.names
        return in_order(list(needs), needs)

    def reduced_form(self, constraint: ParameterConstraint) -> LinearForm | None:
        """Return a constraint as a linear form in the searched parameters.

        Derived parameters are substituted; ``None`` if the constraint is not linear.

        Raises:
            ConfigError: It is an equality and is not linear.
        """
        form = constraint.linear
        for parameter in reversed(self.derived):
            if form is None or parameter.name not in form.weights:
                continue
            inner = parameter.expression.linear()
            if inner is None or parameter.parameter_type != "float":
                form = None
            else:
                weights = dict(form.weights)
                weight = weights.pop(parameter.name)
                form = LinearForm(weights, form.constant).plus(inner.times(weight))
        if form is None and constraint.is_equality:
            raise ConfigError(
                f"{constraint.left.where}: expected an equality of weighted sums, "
                "found a derived parameter that is none"
            )
        return form

    # On tables

    def active(self, table: Array) -> Mask:
        """Return which entries of a table are active, shape ``(n, p)``."""
        found = np.ones(table.shape, dtype=bool)
        if not self.conditions:
            return found
        for name in self._order:
            if name in self.columns:
                found[:, self.columns[name]] = self._holds(name, table, found)
        return found

    def _holds(self, name: str, table: Array, active: Mask) -> Mask:
        """Return in which rows all conditions of a parameter hold, shape ``(n,)``."""
        holds = np.ones(len(table), dtype=bool)
        for condition in self.conditions:
            if condition.parameter == name:
                column = self.columns[condition.parent]
                wanted = self.searched[column].codes(condition.values)
                holds &= active[:, column] & np.isin(table[:, column], wanted)
        return holds

    def holds(self, name: str, table: Array) -> Mask:
        """Return in which rows of a masked table all its conditions hold, ``(n,)``."""
        return self._holds(name, table, ~np.isnan(table))

    def solve(self, table: Array) -> Array:
        """Return the table with the parameters that equalities eliminate computed."""
        if not self.solved:
            return table
        table, numeric = table.copy(), self.numeric_values(table)
        for solved in self.solved:
            column = self.columns[solved.name]
            parameter, values = self.searched[column], solved.value(numeric)
            assert isinstance(parameter, RangeParameter)
            rounding = TOLERANCE * (parameter.upper - parameter.lower) / 10
            clipped = np.clip(values, parameter.lower, parameter.upper)
            is_near = np.abs(values - clipped) <= rounding
            table[:, column] = np.where(is_near, clipped, values)
        return table

    def numeric_values(self, table: Array) -> dict[str, Array]:
        """Return the values of all numeric parameters by name, shape ``(n,)`` each.

        NaN where a parameter is inactive or a derived one has no value.
        """
        found = {
            p.name: p.numeric_values(table[:, k])
            for k, p in enumerate(self.searched)
            if _is_numeric(p)
        }
        for parameter in self.derived:
            if parameter.parameter_type in ("float", "int"):
                values = np.broadcast_to(parameter.evaluate(found), len(table))
                holds = self.holds(parameter.name, table)
                found[parameter.name] = np.where(holds, values, np.nan)
        return found

    def violation(self, table: Array) -> Array:
        """Return the sum of the relative violations of all constraints, shape ``(n,)``.

        It is 0 where a row is feasible.

        A constraint on an inactive parameter holds. A derived parameter or constraint
        without a value, such as ``1/0``, is never feasible.
        """
        total = np.zeros(len(table))
        if not self.constraint_texts and not self.derived:
            return total
        numeric = self.numeric_values(table)
        for solved in self.solved:
            parameter = self._by_name[solved.name]
            assert isinstance(parameter, RangeParameter)
            values = numeric[solved.name]
            outside = np.abs(values - np.clip(values, parameter.lower, parameter.upper))
            total += outside / (parameter.upper - parameter.lower)
        for constraint in self.constraints:
            violation = np.broadcast_to(constraint.violation(numeric), len(table))
            total += np.where(self.counts(constraint.names, table), violation, 0.0)
        for derived in self.derived:
            if derived.name in numeric:
                is_missing = ~np.isfinite(numeric[derived.name])
                names = (derived.name, *derived.expression.names)
                total[is_missing & self.counts(names, table)] = np.inf
        return np.nan_to_num(total, nan=np.inf, posinf=np.inf)

    def first_violated(self, table: Array) -> str | None:
        """Return the first constraint that some row violates, as it was written."""
        numeric = self.numeric_values(table)
        for constraint in self.constraints:
            counts = self.counts(constraint.names, table)
            if np.any(counts & (constraint.violation(numeric) > 0)):
                return constraint.text
        return None

    def counts(self, names: Iterable[str], table: Array) -> Mask:
        """Return in which rows all of ``names`` are active, shape ``(n,)``."""
        counts = np.ones(len(table), dtype=bool)
        for name in names:
            if name in self.columns:
                counts &= ~np.isnan(table[:, self.columns[name]])
            else:
                parameter = self._all[name]
                assert isinstance(parameter, DerivedParameter)
                counts &= self.holds(name, table)
                counts &= self.counts(parameter.expression.names, table)
        return counts


def _is_numeric(parameter: Parameter) -> bool:
    if isinstance(parameter, ChoiceParameter):
        return parameter.is_numeric
    if isinstance(parameter, DerivedParameter):
        return parameter.parameter_type != "str"
    return True

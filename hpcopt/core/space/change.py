"""Changes of a search space between two runs of its experiment.

Names, types and scales stay, so that a model still learns from every trial; bounds,
values and constraints may change, and then restrict new trials only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter, identity
from hpcopt.core.space.conditions import Condition
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.space.structure import Parameter
from hpcopt.core.types import TParameterValue


def continued(
    before: SearchSpace, after: SearchSpace
) -> tuple[SearchSpace, tuple[str, ...]]:
    """Return the space with which the experiment continues, and its changes in words.

    Args:
        before: The space that the experiment has.
        after: The space that its config asks for.

    Returns:
        ``after`` with its parameters in the order of ``before``, and with removed
        values and defaults that ``before`` has; and a sentence for each change.

    Raises:
        ConfigError: A change would make earlier trials meaningless.
    """
    wanted = {parameter.name: parameter for parameter in after.parameters}
    parameters: list[Parameter] = []
    sentences: list[str] = []
    for old in before.parameters:
        new = wanted.pop(old.name, None)
        if new is None:
            raise ConfigError(
                f"parameter {old.name!r}: expected it to stay, found it removed; "
                "earlier trials have values of it. Narrow it to the value that it "
                "shall have"
            )
        parameter, changes = _changed(old, new)
        parameters.append(parameter)
        sentences += changes
    for added in wanted.values():
        parameters.append(added)
        sentences.append(_added(added))
    _check_conditions(before, after)
    sentences += [
        f"parameter_constraints: {text!r} was {what}"
        for what, texts, others in (
            ("added", after.constraints, before.constraints),
            ("removed", before.constraints, after.constraints),
        )
        for text in texts
        if text not in others
    ]
    space = SearchSpace(tuple(parameters), after.constraints, after.conditions)
    return space, tuple(sentences)


def _changed(old: Parameter, new: Parameter) -> tuple[Parameter, list[str]]:
    match old, new:
        case RangeParameter(), RangeParameter():
            return _changed_range(old, new)
        case ChoiceParameter(), ChoiceParameter():
            return _changed_choice(old, new)
        case DerivedParameter(), DerivedParameter() if old == new:
            return new, []
        case DerivedParameter(), DerivedParameter():
            raise ConfigError(
                f"parameter {old.name!r}: expected the expression "
                f"{old.expression.text!r} as before, found {new.expression.text!r}"
            )
    raise ConfigError(
        f"parameter {old.name!r}: expected a {_kind(old)} as before, found a "
        f"{_kind(new)}; narrow its bounds or values instead"
    )


def _changed_range(
    old: RangeParameter, new: RangeParameter
) -> tuple[RangeParameter, list[str]]:
    if (old.parameter_type, old.log) != (new.parameter_type, new.log):
        raise ConfigError(
            f"parameter {old.name!r}: expected parameter_type and scaling as before, "
            f"{_scale(old)}, found {_scale(new)}"
        )
    sentences = []
    if (old.lower, old.upper) != (new.lower, new.upper):
        sentences.append(
            f"{old.name}: bounds were [{old.lower}, {old.upper}] and are now "
            f"[{new.lower}, {new.upper}]"
        )
    if old.step != new.step:
        sentences.append(f"{old.name}: step_size was {old.step} and is now {new.step}")
    _check_default(old, new)
    return replace(new, default=old.default), sentences


def _changed_choice(
    old: ChoiceParameter, new: ChoiceParameter
) -> tuple[ChoiceParameter, list[str]]:
    if old.is_ordered != new.is_ordered and min(len(old.known), len(new.known)) > 1:
        raise ConfigError(
            f"parameter {old.name!r}: expected is_ordered as before, "
            f"{old.is_ordered}, found {new.is_ordered}"
        )
    is_ordered = old.is_ordered if len(old.known) > 1 else new.is_ordered
    if is_ordered and _common(new.known, old) != _common(old.known, new):
        raise ConfigError(
            f"parameter {old.name!r}: expected its ordered values in the order of "
            f"before, {list(old.known)}, found {list(new.known)}"
        )
    _check_default(old, new)
    before = {identity(value) for value in old.values}
    after = {identity(value) for value in new.values}
    sentences = [
        f"{old.name}: {what} {value!r}"
        for what, values, others in (
            ("may now be", new.values, before),
            ("may no longer be", old.values, after),
        )
        for value in values
        if identity(value) not in others
    ]
    if not sentences:  # written in another order, perhaps
        return old, []
    changed = replace(
        new,
        is_ordered=is_ordered,
        known=_merged(old.known, new.values),
        default=old.default,
    )
    return changed, sentences


def _common(
    values: Sequence[TParameterValue], other: ChoiceParameter
) -> list[TParameterValue]:
    """Return those of ``values`` that are among ``other.known``, in their order."""
    known = {identity(value) for value in other.known}
    return [value for value in values if identity(value) in known]


def _merged(
    old: Sequence[TParameterValue], new: Sequence[TParameterValue]
) -> tuple[TParameterValue, ...]:
    """Return the new values and the removed ones, each after the one it followed."""
    merged = list(new)
    kept = {identity(value) for value in new}
    for k, value in enumerate(old):
        if identity(value) not in kept:
            identities = [identity(other) for other in merged]
            at = identities.index(identity(old[k - 1])) + 1 if k else 0
            merged.insert(at, value)
    return tuple(merged)


def _added(parameter: Parameter) -> str:
    if isinstance(parameter, DerivedParameter):
        return f"{parameter.name}: added, derived from others"
    is_fixed = isinstance(parameter, ChoiceParameter) and len(parameter.values) == 1
    if not is_fixed and parameter.default is None:
        raise ConfigError(
            f"parameter {parameter.name!r}: expected a default, the value with which "
            "earlier trials ran, for a parameter that was added, found none"
        )
    if parameter.default is None:
        return f"{parameter.name}: added, fixed"
    return f"{parameter.name}: added; earlier trials had {parameter.default!r}"


def _check_default(
    old: RangeParameter | ChoiceParameter, new: RangeParameter | ChoiceParameter
) -> None:
    """Check that the default, the value of earlier trials, is unchanged or omitted."""
    if new.default is not None and old.default != new.default:
        raise ConfigError(
            f"parameter {old.name!r}: default: expected {old.default!r} as before, "
            f"found {new.default!r}"
        )


def _check_conditions(before: SearchSpace, after: SearchSpace) -> None:
    """Check that earlier trials have the same active parameters as before."""
    known = {parameter.name: parameter for parameter in before.parameters}

    def told(
        conditions: Sequence[Condition],
    ) -> set[tuple[str, str, frozenset[object]]]:
        found = set()
        for condition in conditions:
            parent = known.get(condition.parent)
            values = condition.values
            if isinstance(parent, ChoiceParameter):
                values = tuple(_common(values, parent))
            identities = frozenset(identity(value) for value in values)
            if condition.parameter in known:
                found.add((condition.parameter, condition.parent, identities))
        return found

    differing = told(before.conditions) ^ told(after.conditions)
    if differing:
        name = min(differing, key=lambda item: item[0])[0]
        raise ConfigError(
            f"parameter {name!r}: when: expected the conditions of before, found others"
        )


def _kind(parameter: Parameter) -> str:
    match parameter:
        case RangeParameter():
            return "range"
        case DerivedParameter():
            return "derived parameter"
        case _:
            return "choice"


def _scale(parameter: RangeParameter) -> str:
    return f"{parameter.parameter_type} and {'log' if parameter.log else 'linear'}"

"""The keys of a config that describe its search space.

They are the form in which parameters are written down everywhere; what they mean is
said in ``hpcopt/core/space/specs.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from hpcopt.config.policies import Number, Spec

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


class _Named(Spec):
    """What all parameters have."""

    name: StrictStr
    """The parameter's name, as templates use it: ``{{ x1 }}``."""
    when: dict[StrictStr, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    """Where the parameter is active, such as ``{kind: [a, b]}``: only where those other
    parameters have one of these values. By default, everywhere."""


class RangeSpec(_Named):
    """A parameter between two bounds."""

    type: Literal["range"]
    bounds: tuple[Number, Number]
    """The smallest and the largest value."""
    parameter_type: Literal["float", "int"] = "float"
    """Real numbers, or whole ones."""
    scaling: Literal["linear", "log"] | None = None
    """``log`` searches on a logarithmic scale, and needs bounds above 0; ``linear``
    unless it is given."""
    step_size: Number | None = None
    """The values are the lower bound plus multiples of this."""
    default: Number | None = None
    """The value that earlier trials are taken to have had, where the parameter is added
    to an experiment that has begun."""


class ChoiceSpec(_Named):
    """A parameter that takes one of several values."""

    type: Literal["choice"]
    values: tuple[Scalar, ...]
    """The values: numbers, text, or true and false."""
    is_ordered: StrictBool = False
    """Whether their order means something, as of ``[coarse, medium, fine]``."""
    default: Scalar | None = None
    """As for a range."""


class FixedSpec(_Named):
    """A parameter of one value."""

    type: Literal["fixed"]
    value: Scalar
    """The value."""


class DerivedSpec(_Named):
    """A parameter that follows from others."""

    type: Literal["derived"]
    expression: StrictStr
    """How it follows from others, such as ``2*x1 + mesh``: ``+ - * / **``, ``abs``,
    ``exp``, ``log``, ``sqrt``, ``min`` and ``max``."""
    parameter_type: Literal["float", "int", "str", "bool"] = "float"
    """The type of the value."""


ParameterSpec = Annotated[
    RangeSpec | ChoiceSpec | FixedSpec | DerivedSpec, Field(discriminator="type")
]

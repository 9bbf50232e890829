from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from hpcopt.core.frozen import changed, construct


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


def test_a_changed_record_is_what_replace_makes_of_it() -> None:
    point = Point(1.0, 2.0)
    other = changed(point, y=3.0)
    assert other == dataclasses.replace(point, y=3.0)
    assert (point, hash(other)) == (Point(1.0, 2.0), hash(Point(1.0, 3.0)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        other.x = 0.0  # type: ignore[misc]


def test_a_field_that_does_not_exist_is_not_changed() -> None:
    with pytest.raises(TypeError, match="Point has no field z"):
        changed(Point(1.0), z=3.0)


def test_a_record_is_made_of_its_fields_and_does_not_share_them() -> None:
    fields = {"x": 1.0, "y": 2.0}
    point = construct(Point, fields)
    fields["x"] = 5.0
    assert point == Point(1.0, 2.0)

from __future__ import annotations

import pytest

from hpcopt.core.names import did_you_mean, expected_name

KNOWN = ["auto", "bo", "trust_region", "qLogNEI"]


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("trust-region", "; did you mean trust_region?"),
        ("qlognei", "; did you mean qLogNEI?"),
        ("BO", "; did you mean bo?"),
        ("magic", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_asked_for(name: str, question: str) -> None:
    assert did_you_mean(name, KNOWN) == question


def test_all_names_are_listed_whatever_was_found() -> None:
    listed = "expected one of auto, bo, trust_region, qLogNEI, found "
    assert expected_name("aut", KNOWN) == f"{listed}'aut'; did you mean auto?"
    assert expected_name(7, KNOWN) == f"{listed}7"  # type: ignore[arg-type]

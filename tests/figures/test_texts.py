"""Texts and numbers as they are drawn."""

from __future__ import annotations

import pytest

from hpcopt.figures.properties import UntranslatableError
from hpcopt.figures.text import MISSING, label, wrapped
from hpcopt.figures.tick_format import filled, formatted, power_of_ten


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (0.1234, ".1%", "12.3%"),
        (0.5, "+.0%", "+50%"),
        (-0.5, "+.0%", "\N{MINUS SIGN}50%"),
        (1234567.0, ",d", "1,234,567"),
        (0.00012, ".3g", "0.00012"),
        (1.5, ".3~f", "1.5"),
        (2.0, ".2~f", "2"),
        (25_000.0, ".2s", "25k"),
        (3.0, ".6", "3"),
        (1.25e9, ".6", "1.25·10⁹"),
        (-2e-7, ".1e", "\N{MINUS SIGN}2.0·10⁻⁷"),
    ],
)
def test_numbers_are_written_as_d3_writes_them(
    value: float, form: str, expected: str
) -> None:
    assert formatted(value, form) == expected


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UntranslatableError, match="'%Y'"):
        formatted(1.0, "%Y")


def test_powers_of_ten() -> None:
    assert [power_of_ten(v) for v in (1e-5, 1.0, 2e6, 10.0)] == [
        "10⁻⁵",
        "1",
        "2·10⁶",
        "10¹",
    ]


def test_a_template_is_filled() -> None:
    assert filled("%{text}: %{z:.1f}", {"text": "a", "z": 2.345}) == "a: 2.3"
    with pytest.raises(UntranslatableError, match="nobody"):
        filled("%{nobody}", {})


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<b>loss</b><br>of &lt;x&gt;", "loss\nof <x>"),
        ("$x_1^2$ costs $5", "$x_1^2$ costs $5"),
        ("fox 🦊", f"fox {MISSING}"),
        ("%&#123;y}", "%{y}"),
        ("a < b", "a < b"),
        ("\x07bell", r"\x07bell"),
    ],
)
def test_texts_are_drawn_as_they_are(markup: str, expected: str) -> None:
    assert label(markup) == expected


def test_long_texts_are_wrapped_and_cut() -> None:
    lines = wrapped("word " * 40, 20).split("\n")
    assert len(lines) == 3
    assert max(map(len, lines)) <= 20
    assert lines[-1].endswith("…")
    assert wrapped("x" * 30, 20) == f"{'x' * 20}\n{'x' * 10}"

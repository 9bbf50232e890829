"""How numbers are written: the part of d3's formats that figures use."""

from __future__ import annotations

import math
import re
from typing import Any

from hpcopt.figures.properties import UntranslatableError

_FORMAT = re.compile(r"([+])?(,)?(?:\.(\d+))?(~)?([%efgdrs])?$")

_PREFIXES = {-9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}

_MINUS = "\N{MINUS SIGN}"

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_EXPONENT = re.compile(r"([+-]?[\d.]+)e([+-]\d+)")

_FIELD = re.compile(r"%\{([A-Za-z_]+)(?:\[(\d+)\])?(?::([^}]*))?\}")


def formatted(value: float, form: str) -> str:
    """Return a number by a format such as ``+.1%``, with a true minus.

    Raises:
        UntranslatableError: The format is not known.
    """
    match = _FORMAT.match(form)
    if match is None:
        raise UntranslatableError(f"numbers are to be written as {form!r}: not known")
    sign, comma, digits, trim, kind = match.groups(default="")
    if kind == "s":
        return _with_prefix(value, int(digits or 6), sign)
    kind = {"": "g", "r": "g"}.get(kind, kind)
    if kind == "d":
        value, digits = round(value), ""
        kind = "d"
    spec = f"{sign}{comma}{f'.{digits}' if digits else ''}{kind}"
    text = f"{int(value) if kind == 'd' else value:{spec}}"
    if trim:
        text = re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text)
        text = re.sub(r"\.(?=\D|$)", "", text)
    if match := _EXPONENT.fullmatch(text):
        return f"{match[1]}·{_power(int(match[2]))}".replace("-", _MINUS)
    return text.replace("-", _MINUS)


def power_of_ten(value: float) -> str:
    """Return a tick of a logarithmic axis: ``1``, ``10⁻⁵``, ``2·10⁶``."""
    exponent = math.floor(math.log10(value) + 1e-9)
    if exponent == 0:
        return f"{value:.6g}"
    factor = value / 10.0**exponent
    is_one = abs(factor - 1) < 1e-6
    return _power(exponent) if is_one else f"{factor:.3g}·{_power(exponent)}"


def filled(template: str, point: dict[str, Any]) -> str:
    """Return the text of a template, such as ``%{z:.2f}``, for a point.

    Raises:
        UntranslatableError: It names what the point has not.
    """

    def value(match: re.Match[str]) -> str:
        name, index, form = match.groups()
        if name not in point:
            raise UntranslatableError(f"a text names %{{{name}}}, which is not known")
        found = point[name] if index is None else point[name][int(index)]
        return formatted(float(found), form) if form else str(found)

    return _FIELD.sub(value, template)


def _power(exponent: int) -> str:
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def _with_prefix(value: float, digits: int, sign: str) -> str:
    if value == 0:
        return "0"
    power = 3 * math.floor(math.log10(abs(value)) / 3)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    text = f"{value / 10.0**power:{sign}.{digits}g}"
    return text.replace("-", _MINUS) + _PREFIXES[power]

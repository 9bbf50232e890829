"""Validation of a measured value: a mean, or a mean and its standard error."""

from __future__ import annotations

import math

import numpy as np

from hpcopt.core.errors import MetricError


def mean_and_sem(value: object, where: str) -> tuple[float, float | None]:
    """Return the mean and the standard error of ``value``.

    Args:
        value: A finite number, or a pair of such. A standard error of ``None`` is
            unknown; one of 0 means no noise.
        where: What the message of an error begins with.

    Raises:
        MetricError: ``value`` is something else.
    """
    mean, sem = value, None
    if isinstance(value, (tuple, list)) and len(value) == 2:
        mean, sem = value
    return (
        _finite(mean, where, "a finite number or (mean, sem)"),
        None if sem is None else _sem(sem, where),
    )


def _sem(value: object, where: str) -> float:
    sem = _finite(value, where, "a standard error of 0 or more")
    if sem < 0:
        raise MetricError(
            f"{where}: expected a standard error of 0 or more, found {sem}"
        )
    return sem


def _finite(value: object, where: str, expected: str) -> float:
    """Return a real number of Python, numpy or torch as a float."""
    found = f"{value!r} ({type(value).__name__})"
    try:
        array = np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as exc:
        raise MetricError(f"{where}: expected {expected}, found {found}") from exc
    if array.ndim != 0 or array.dtype.kind not in "iuf":
        raise MetricError(f"{where}: expected {expected}, found {found}")
    number = float(array)
    if not math.isfinite(number):
        raise MetricError(f"{where}: expected {expected}, found {number}")
    return number

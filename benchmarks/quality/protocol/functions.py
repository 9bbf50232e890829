"""Two functions to minimise, without torch."""

from __future__ import annotations

import numpy as np

_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(*x: float) -> float:
    """Hartmann's function; its optimum is -3.322 at x6 = 0.657."""
    return -float(_ALPHA @ np.exp(-(_A * (np.array(x) - _P) ** 2).sum(axis=1)))


def branin(x1: float, x2: float) -> float:
    """Branin's function; its optimum is 0.398 at x1 = -3.14, 3.14 and 9.42."""
    a = x2 - 5.1 / (4 * np.pi**2) * x1**2 + 5 / np.pi * x1 - 6
    return float(a**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x1) + 10)

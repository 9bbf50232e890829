"""The Hartmann function of six variables, to be minimised: -3.32237 at its lowest."""

from __future__ import annotations

import argparse
import math

import h5py

ALPHA = (1.0, 1.2, 3.0, 3.2)
A = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(x: list[float]) -> float:
    """Return the value at ``x``, six numbers in [0, 1]."""
    return -sum(
        alpha
        * math.exp(-sum(a * (v - p) ** 2 for a, v, p in zip(row, x, at, strict=True)))
        for alpha, row, at in zip(ALPHA, A, P, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for number in range(1, 7):
        parser.add_argument(f"--x{number}", type=float, required=True)
    parser.add_argument("--out", required=True, help="the HDF5 file to write")
    options = parser.parse_args()
    x = [getattr(options, f"x{number}") for number in range(1, 7)]
    with h5py.File(options.out, "w") as result:
        result["loss"] = hartmann6(x)


if __name__ == "__main__":
    main()

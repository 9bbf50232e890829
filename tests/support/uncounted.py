"""Programs whose coverage is not counted."""

from __future__ import annotations

import os


def uncounted() -> dict[str, str]:
    """Return an environment in which coverage leaves a Python program alone.

    At its end it would write a file, which a program that may write none cannot.
    """
    asked_for = "COVERAGE_PROCESS_CONFIG"
    return {name: value for name, value in os.environ.items() if name != asked_for}

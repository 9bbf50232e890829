"""What to say of a name that is none."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question for the nearest of the ``known`` names; empty if none is."""
    import difflib  # which takes as long to load as many a verb

    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def expected_name(name: str, known: Iterable[str]) -> str:
    """Return what was expected and found, and which of the ``known`` names is nearest.

    ``name`` may be of any type: a script may hand over anything.
    """
    known = list(known)
    return (
        f"expected one of {', '.join(known)}, found {name!r}"
        f"{did_you_mean(str(name), known)}"
    )

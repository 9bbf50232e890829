"""Which of very many trials a figure shows, so that it is small and soon made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcopt.analysis.experiment import ExperimentView, TrialView

#: So many trials a figure shows; and so many of them because they are the latest.
MOST_SHOWN, _MOST_RECENT = 1000, 100


def thinned(
    experiment: ExperimentView,
    trials: Sequence[TrialView],
    most: int = MOST_SHOWN,
) -> list[TrialView]:
    """Return some of very many trials, in their order; all if they are not that many.

    The best ones and the latest ones are among them, and those with names, such as a
    baseline, and those that have not ended; of each of the three a quarter at most, the
    later ones. The others are spread evenly.

    Args:
        experiment: Whose trials they are.
        trials: Those that could be shown.
        most: How many are.
    """
    if len(trials) <= most:
        return list(trials)
    best = experiment.best_indices
    front = [k for k, trial in enumerate(trials) if trial.index in best]
    chosen = [
        k
        for k, trial in enumerate(trials)
        if trial.core.name or not trial.status.is_terminal
    ]
    n = most // 4
    latest = range(len(trials) - min(_MOST_RECENT, n), len(trials))
    kept = {*front[-n:], *chosen[-n:], *latest} if n else set()
    others = [k for k in range(len(trials)) if k not in kept]
    spread = np.linspace(0, len(others) - 1, most - len(kept)).round().astype(int)
    kept.update(others[k] for k in spread)
    return [trials[k] for k in sorted(kept)]


def some_of(n_shown: int, n: int, what: str = "arms") -> str:
    """Return a sentence, after a space, that not all are shown; empty if all are.

    Args:
        n_shown: How many are.
        n: How many there are.
        what: What they are.
    """
    if n_shown >= n:
        return ""
    return (
        f" Of {n:,} {what} {n_shown:,} are shown: the best, the latest, and others "
        "spread evenly over the experiment."
    )

"""What the rows of the quality benchmark say: a table in Markdown."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

import numpy as np
from scipy import stats

from benchmarks.common.results import Run
from benchmarks.quality.protocol.methods import N_INITIAL

#: Whose median final value is the target of each problem.
REFERENCE = "ax"

#: Sets whose problems differ with the seed, so that a median over seeds means nothing.
PAIRS_ONLY = ("bbob",)

#: The sets of problems that are also reported together.
PROTOCOL = ("development", "validation")


#: How long a line of the documents may be.
_WIDTH = 100

Runs = Mapping[tuple[str, str], Mapping[int, Run]]
"""Method and problem, then seed."""


def by_method(found: Iterable[Run]) -> Runs:
    """Return runs by method, problem and seed."""
    runs: defaultdict[tuple[str, str], dict[int, Run]] = defaultdict(dict)
    for run in found:
        runs[run.method, run.problem][run.seed] = run
    return runs


def evaluations_to(target: float, run: Run) -> int:
    """Return how many trials it took; one more than all if it was not reached."""
    # The rows have six digits.
    slack = 1e-5 * max(1.0, abs(target))
    for trial, best in enumerate(run.best, start=1):
        if best <= target + slack:
            return trial
    return len(run.best) + 1


def targets(runs: Runs, problems: Sequence[str]) -> dict[str, float]:
    """Return the reference's median final value on each problem that it ran."""
    return {
        problem: statistics.median(
            run.best[-1] for run in runs[REFERENCE, problem].values()
        )
        for problem in problems
        if runs.get((REFERENCE, problem))
    }


def rank_table(
    runs: Runs, methods: Sequence[str], problems: Sequence[str]
) -> np.ndarray:
    """Return the ranks of final values: a row a run that all have, a column a method.

    The runs are those of the problems that all methods can solve, with shared seeds.
    """
    rows = []
    for problem in problems:
        seeds = set.intersection(*(set(runs.get((m, problem), {})) for m in methods))
        for seed in sorted(seeds):
            finals = [runs[m, problem][seed].best[-1] for m in methods]
            rows.append(stats.rankdata(finals))
    return np.array(rows).reshape(len(rows), len(methods))


def duel(runs: Runs, first: str, second: str, problems: Sequence[str]) -> str:
    """Return how often the first ended better, as well and worse than the second.

    With Wilcoxon's signed-rank p of "the first is not better", over the ranks of final
    values within a problem, so that no problem's scale counts more than another's.
    """
    differences: list[float] = []
    for problem in problems:
        ours, theirs = runs.get((first, problem), {}), runs.get((second, problem), {})
        seeds = sorted(set(ours) & set(theirs))
        finals = [runs_of[s].best[-1] for runs_of in (ours, theirs) for s in seeds]
        ranks = stats.rankdata(finals)
        differences += list(
            (ranks[: len(seeds)] - ranks[len(seeds) :]) / (len(seeds) or 1)
        )
    if not any(differences):
        return ""
    # Ties forbid the exact distribution, which SciPy takes or not by its version.
    p = stats.wilcoxon(differences, alternative="less", method="approx").pvalue
    counts = (sum(np.sign(differences) == sign) for sign in (-1, 0, 1))
    return f"{' / '.join(str(count) for count in counts)} (p = {p:.1g})"


def stalled_share(runs: Runs, method: str, problems: Sequence[str]) -> float:
    """Return the share of runs that never beat their initial design.

    Runs whose initial design was at the optimum to six digits, or that never saw a
    feasible value, count as well: the figure is an upper bound.
    """
    flags = [
        not run.best[-1] < run.best[N_INITIAL[method] - 1]
        for problem in problems
        for run in runs.get((method, problem), {}).values()
    ]
    return sum(flags) / len(flags) if flags else math.nan


def report(runs: Runs, methods: Sequence[str], sets: Mapping[str, list[str]]) -> str:
    """Return the tables of all sets of problems, and of those that are compared."""
    parts = []
    for title, problems in sets.items():
        known = [p for p in problems if any((m, p) in runs for m in methods)]
        if known:
            able = _able(runs, methods, known)
            parts.append(f"### Problems: {title}\n")
            if title not in PAIRS_ONLY:
                parts.append(_problem_table(runs, able, known))
            parts.append(_summary_table(runs, able, known))
    protocol = [p for title in PROTOCOL for p in sets.get(title, [])]
    if all(title in sets for title in PROTOCOL):
        parts += [f"### {' and '.join(PROTOCOL)} together\n".capitalize()]
        able = _able(runs, methods, protocol)
        parts += [_summary_table(runs, able, protocol)]
    return "\n".join(parts)


def _able(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> list[str]:
    """Return the methods that ran any of the problems."""
    return [m for m in methods if any((m, p) in runs for p in problems)]


def _problem_table(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> str:
    goal = targets(runs, problems)
    brackets = (
        f"; in brackets the median number of trials to {REFERENCE}'s median final value"
    )
    lines = [
        *wrap(f"Median value after the last trial{brackets if goal else ''}.", _WIDTH),
        "",
        "| problem | " + " | ".join(methods) + " |",
        "|---|" + "---|" * len(methods),
    ]
    for problem in problems:
        cells = [
            _cell(runs[method, problem], goal.get(problem))
            if runs.get((method, problem))
            else ""
            for method in methods
        ]
        lines.append(f"| {problem} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(of_seeds: Mapping[int, Run], goal: float | None) -> str:
    final = statistics.median(run.best[-1] for run in of_seeds.values())
    if goal is None:
        return f"{final:.4g}"
    counts = [evaluations_to(goal, run) for run in of_seeds.values()]
    n_trials = len(next(iter(of_seeds.values())).best)
    count = statistics.median(counts)
    return f"{final:.4g} ({'—' if count > n_trials else f'{count:g}'})"


def _shares(runs: Runs, method: str, goal: Mapping[str, float]) -> tuple[str, str]:
    """Return the trials to the targets as shares of the reference's.

    The first is the median over the problems of the ratio of medians, the second the
    ratio of the medians over all runs together; both over problems that both ran.
    """
    shared = [p for p in goal if runs.get((method, p)) and runs.get((REFERENCE, p))]
    if not shared:
        return "", ""

    def counts(who: str, problem: str) -> list[int]:
        return [evaluations_to(goal[problem], r) for r in runs[who, problem].values()]

    ratios = [
        statistics.median(counts(method, p)) / statistics.median(counts(REFERENCE, p))
        for p in shared
    ]
    own, reference = (
        statistics.median([n for p in shared for n in counts(who, p)])
        for who in (method, REFERENCE)
    )
    return f"{statistics.median(ratios):.2f}", f"{own / reference:.2f}"


def _summary_table(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> str:
    goal = targets(runs, problems)
    # Ranks are over what all methods can solve.
    ranks = rank_table(runs, methods, problems)
    columns = ["method", "seeds"]
    if goal:
        share = f"trials to the target as a share of {REFERENCE}'s"
        columns += [f"{share}: median over problems", "of all runs"]
    columns += [
        f"mean rank over {len(ranks)} runs of all",
        f"{methods[0]} better / as good / worse",
        "never beat their initial design",
    ]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for column, method in enumerate(methods):
        n_seeds = [len(runs[method, p]) for p in problems if runs.get((method, p))]
        low, high = min(n_seeds), max(n_seeds)
        cells = [
            method,
            str(low) if low == high else f"{low}-{high}",
            *(_shares(runs, method, goal) if goal else ()),
            f"{ranks[:, column].mean():.2f}" if len(ranks) else "",
            duel(runs, methods[0], method, problems) if column else "",
            f"{stalled_share(runs, method, problems):.1%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def seconds_table(runs: Runs, methods: Sequence[str]) -> str:
    """Return the median seconds of a suggestion after trial 10."""
    problems = sorted({problem for _, problem in runs})
    able = [m for m in methods if any((m, p) in runs for p in problems)]
    lines = ["| problem | " + " | ".join(able) + " |", "|---|" + "---|" * len(able)]
    for problem in problems:
        cells = []
        for method in able:
            seconds = [
                second
                for run in runs.get((method, problem), {}).values()
                for second in run.trial_seconds[10:]
            ]
            cells.append(f"{statistics.median(seconds):.3f}" if seconds else "")
        lines.append(f"| {problem} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"

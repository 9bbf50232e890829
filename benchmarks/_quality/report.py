"""What the rows of the quality benchmark say: a table in Markdown."""

from __future__ import annotations

import csv
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from _quality.methods import N_INITIAL

#: Whose median final value is the target of each problem.
REFERENCE = "ax"


@dataclass(frozen=True)
class Run:
    """One method on one problem with one seed."""

    best: tuple[float, ...]
    """The best feasible value after each trial."""
    seconds: tuple[float, ...]
    """The seconds that each trial's generation took."""


Runs = Mapping[tuple[str, str], Mapping[int, Run]]
"""Method and problem, then seed."""


def read_runs(paths: Iterable[Path], n_trials: int) -> Runs:
    """Return the runs that have all their trials."""
    rows: defaultdict[tuple[str, str, int], dict[int, tuple[float, float]]]
    rows = defaultdict(dict)
    for path in paths:
        with path.open(newline="") as file:
            for method, problem, seed, trial, best, seconds in csv.reader(file):
                rows[method, problem, int(seed)][int(trial)] = (
                    float(best),
                    float(seconds),
                )
    runs: defaultdict[tuple[str, str], dict[int, Run]] = defaultdict(dict)
    for (method, problem, seed), trials in rows.items():
        if len(trials) == n_trials:
            ordered = [trials[k] for k in sorted(trials)]
            best, seconds = zip(*ordered, strict=True)
            runs[method, problem][seed] = Run(best, seconds)
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


def mean_ranks(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> Ranks:
    """Return the rank of each method's final value, over problems and shared seeds."""
    rows = []
    for problem in problems:
        seeds = set.intersection(*(set(runs.get((m, problem), {})) for m in methods))
        for seed in sorted(seeds):
            finals = [runs[m, problem][seed].best[-1] for m in methods]
            rows.append(stats.rankdata(finals))
    table = np.array(rows).reshape(len(rows), len(methods))
    return Ranks(tuple(methods), table)


@dataclass(frozen=True)
class Ranks:
    """Ranks of final values: one row a run, one column a method."""

    methods: tuple[str, ...]
    table: np.ndarray

    def mean(self, method: str) -> float:
        """Return the method's mean rank; 1 is best."""
        return float(self.table[:, self.methods.index(method)].mean())

    def p_value(self, first: str, second: str) -> float:
        """Return Wilcoxon's signed-rank p of "the first is not better than it"."""
        columns = [self.methods.index(name) for name in (first, second)]
        difference = self.table[:, columns[0]] - self.table[:, columns[1]]
        if not difference.any():
            return 1.0
        return float(stats.wilcoxon(difference, alternative="less").pvalue)


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
    """Return the tables of all sets of problems."""
    parts = []
    for title, problems in sets.items():
        known = [p for p in problems if any((m, p) in runs for m in methods)]
        if known:
            parts += [f"### Problems: {title}\n", _problem_table(runs, methods, known)]
            parts.append(_summary_table(runs, methods, known))
    if len(sets) > 1:
        together = [problem for problems in sets.values() for problem in problems]
        parts += [
            "### Together\n",
            _summary_table(
                runs, methods, [p for p in together if p in targets(runs, together)]
            ),
        ]
    return "\n".join(parts)


def _problem_table(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> str:
    goal = targets(runs, problems)
    lines = [
        "Median value after the last trial; in brackets the median number of trials "
        f"to {REFERENCE}'s median final value.\n",
        "| problem | seeds | " + " | ".join(methods) + " |",
        "|---|---|" + "---|" * len(methods),
    ]
    for problem in problems:
        cells = []
        counts = []
        for method in methods:
            of_seeds = runs.get((method, problem), {})
            if not of_seeds:
                cells.append("")
                continue
            counts.append(len(of_seeds))
            cells.append(_cell(of_seeds, goal.get(problem)))
        seeds = (
            str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)}-{max(counts)}"
        )
        lines.append(f"| {problem} | {seeds} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(of_seeds: Mapping[int, Run], goal: float | None) -> str:
    final = statistics.median(run.best[-1] for run in of_seeds.values())
    if goal is None:
        return f"{final:.4g}"
    counts = [evaluations_to(goal, run) for run in of_seeds.values()]
    n_trials = len(next(iter(of_seeds.values())).best)
    count = statistics.median(counts)
    return f"{final:.4g} ({'—' if count > n_trials else f'{count:g}'})"


def _pooled(runs: Runs, method: str, goal: Mapping[str, float]) -> float:
    """Return the median number of trials to the targets, over all runs together."""
    counts = [
        evaluations_to(target, run)
        for problem, target in goal.items()
        for run in runs.get((method, problem), {}).values()
    ]
    return statistics.median(counts) if counts else math.nan


def _summary_table(runs: Runs, methods: Sequence[str], problems: Sequence[str]) -> str:
    goal = targets(runs, problems)
    lines = [
        f"| method | trials to the target as a share of {REFERENCE}'s: median over "
        "problems | of all runs | mean rank | never beat their initial design | "
        "s per suggestion |",
        "|---|---|---|---|---|---|",
    ]
    # Ranks are over what all methods can solve.
    shared = [p for p in problems if all(runs.get((m, p)) for m in methods)]
    ranks = mean_ranks(runs, methods, shared) if shared else None
    for method in methods:
        ratios = [
            statistics.median(
                evaluations_to(goal[p], run) for run in runs[method, p].values()
            )
            / statistics.median(
                evaluations_to(goal[p], run) for run in runs[REFERENCE, p].values()
            )
            for p in goal
            if runs.get((method, p))
        ]
        seconds = [
            second
            for p in problems
            for run in runs.get((method, p), {}).values()
            for second in run.seconds[N_INITIAL[method] :]
        ]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
        pooled = _pooled(runs, method, goal) / _pooled(runs, REFERENCE, goal)
        rank = ""
        if ranks is not None and len(ranks.table):
            rank = f"{ranks.mean(method):.2f}"
            if method != methods[0]:
                rank += f" (p = {ranks.p_value(methods[0], method):.1g})"
        lines.append(
            f"| {method} | {ratio} | {pooled:.2f} | {rank} | "
            f"{stalled_share(runs, method, problems):.1%} | "
            f"{statistics.median(seconds) if seconds else math.nan:.3f} |"
        )
    return "\n".join(lines) + "\n"

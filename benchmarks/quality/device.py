"""Seconds of named models and acquisitions, on the CPU and on a GPU.

    scripts/bench quality/device [--names saas,auto/qLogNEI,…] [--device cuda]
        [--trials 50,100,200,500,1000] [--repeats 3] [--seconds 600]

A name is that of a model, or of a model and an acquisition with a slash between them.
All know the same trials in six dimensions, and two are pending. The first suggestion on
a device, which loads its kernels, is not counted. A row is left out once one on the CPU
took a minute, and all that is left once the seconds are over.

The table says from how many trials on a GPU is worth it: from where its column is the
smaller one, ``GPU_FROM`` in generation/named/device.py is to be. Without a GPU only the
CPU's columns are printed, and that is said.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.common.provenance import headline
from benchmarks.quality.protocol.functions import hartmann6
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.named.proposer import NamedProposer
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.steps import GenerationStep
from hpcopt.host.threads import limited_threads

NAMES = ("saas", "single_task/qLogNEI", "auto/qLogNEI", "auto/qKG", "auto/qMES")
TRIALS = (50, 100, 200, 500, 1000)
N_PENDING = 2

#: A row that took so long on the CPU is the last of its name, in seconds.
_LONGEST_S = 60.0

SPACE = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(6)))


@dataclass(frozen=True)
class Row:
    """Seconds for the first suggestion of a state: the fit, and the search."""

    name: str
    n_trials: int
    cpu: float
    gpu: float | None
    said: str
    """What the proposer had to say on the GPU, such as that it was full."""


def snapshot(n_trials: int) -> Snapshot:
    """Return what ``n_trials`` random trials say of Hartmann's function."""
    X = np.random.default_rng(0).random((n_trials + N_PENDING, SPACE.d))
    points = SPACE.decode(X)
    trials = tuple(
        ObservedTrial(k, point, {"loss": Observation(hartmann6(*x))})
        for k, (point, x) in enumerate(zip(points[:n_trials], X, strict=False))
    )
    return Snapshot(
        space=SPACE,
        goals=parse_goals("-loss"),
        seed=0,
        n_trials=len(points),
        position=0,
        completed=trials,
        pending=tuple(points[n_trials:]),
    )


def step_of(name: str) -> GenerationStep:
    """Return the step that a name stands for.

    ``single_task`` has an option, so that it is BoTorch's and not our own fit.
    """
    model, _, acquisition = name.partition("/")
    options = {"kernel": "matern"} if model == "single_task" else {}
    return GenerationStep(
        model=model, acquisition=acquisition or "auto", model_options=options
    )


def seconds(now: Snapshot, step: GenerationStep, device: str) -> tuple[float, str]:
    """Return how long a fit and a suggestion took, and what was said."""
    started = time.perf_counter()
    proposer = NamedProposer(now, is_fitted=True, step=step, device=device)
    proposer.propose(now.n_trials, [], UsedPoints(now.space, now.known))
    took = time.perf_counter() - started
    said = proposer.details["said"]
    return took, "; ".join(map(str, said)) if isinstance(said, list) else ""


def measure(
    names: Sequence[str],
    trials: Sequence[int],
    device: str | None,
    repeats: int,
    limit_s: float,
) -> list[Row]:
    """Return the rows, the slowest of each name left out.

    Args:
        names: Models, or models and acquisitions.
        trials: How many outcomes are known.
        device: The GPU; ``None`` for none.
        repeats: Of how many suggestions the median is taken.
        limit_s: After so many seconds no further row is begun.
    """
    rows: list[Row] = []
    started = time.monotonic()
    if device is not None:
        seconds(snapshot(10), step_of(NAMES[0]), device)
    for name in names:
        for n in trials:
            if time.monotonic() - started > limit_s:
                return rows
            now, step = snapshot(n), step_of(name)
            cpu = [seconds(now, step, "cpu")[0] for _ in range(repeats)]
            gpu, said = None, ""
            if device is not None:
                told = [seconds(now, step, device) for _ in range(repeats)]
                gpu, said = statistics.median(took for took, _ in told), told[-1][1]
            rows.append(Row(name, n, statistics.median(cpu), gpu, said))
            print(rows[-1], flush=True)
            if max(cpu) > _LONGEST_S:
                break
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown."""
    lines = [
        "| model and acquisition | trials | CPU, s | GPU, s | ratio |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        gpu = "" if row.gpu is None else f"{row.gpu:.2f}"
        ratio = "" if row.gpu is None else f"{row.gpu / row.cpu:.2f}"
        lines.append(
            f"| `{row.name}` | {row.n_trials} | {row.cpu:.2f} | {gpu} | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", default=",".join(NAMES))
    parser.add_argument("--trials", default=",".join(map(str, TRIALS)))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    device = options.device if torch.cuda.is_available() else None
    gpu = "no GPU here: the CPU alone is measured, which says nothing of GPU_FROM"
    if device is not None:
        gpu = torch.cuda.get_device_name(torch.device(device))
    with limited_threads(1):
        rows = measure(
            options.names.split(","),
            [int(n) for n in options.trials.split(",")],
            device,
            options.repeats,
            options.seconds,
        )
    print(f"{headline()}; {gpu}\n\n{table(rows)}")
    for row in rows:
        if row.said:
            print(f"{row.name}, {row.n_trials} trials: {row.said}")


if __name__ == "__main__":
    main()

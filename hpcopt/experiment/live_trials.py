"""Checks that live trials stay with their runner and in their folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.experiment.job_runner import RunnerKind


def choose_runner(asked: Literal["auto"] | RunnerKind, folder: Path) -> RunnerKind:
    """Return where trials run: as asked, or on Slurm if there is one.

    Where nothing is asked for, live trials decide: they stay with their runner.

    Raises:
        RunnerError: There is a Slurm cluster that does not answer.
        StorageError: The experiment in ``folder`` is begun, and its journal cannot be
            read.
    """
    if asked != "auto":
        return asked
    if is_begun(folder):
        match runner_at_work(read_experiment(folder)):
            case "slurm" | "local" as at_work:
                return at_work
    from hpcopt.slurm.site import is_available

    return "slurm" if is_available() else "local"


def runner_at_work(experiment: Experiment) -> str | None:
    """Return the kind of runner that has live trials; ``None`` if none has."""
    if not _n_live(experiment):
        return None
    return str(experiment.settings.get("runner"))


def _n_live(experiment: Experiment) -> int:
    """Return how many attempts are, or may be, with a runner."""
    return len(experiment.live_attempts()) + len(experiment.staged_attempts())


def check_same_runner(
    experiment: Experiment, settings: Mapping[str, JSONValue], folder: Path
) -> None:
    """Check that live trials are not left to a runner that knows nothing of them."""
    before, after = runner_at_work(experiment), settings.get("runner")
    # The runners of a script go by the names of their classes, which may change.
    if before is None or before == after or not {before, after} & {"slurm", "local"}:
        return
    n_live = _n_live(experiment)
    live = "1 trial is" if n_live == 1 else f"{n_live} trials are"
    raise UsageError(
        f"{folder}: {live} live on the {before} runner, and cannot go on with "
        f"{after}; continue with {before} until none is"
    )


def check_same_folder(experiment: Experiment, folder: Path) -> None:
    """Check that live trials write to where they are looked for."""
    if runner_at_work(experiment) not in ("slurm", "local"):
        return
    for attempt in experiment.live_attempts():
        path = Path(str((attempt.metadata or {})["folder"]))
        begun_in = path.parents[2]  # <folder>/trials/0000/attempt-0
        if not (begun_in.exists() and begun_in.samefile(folder)):
            raise UsageError(
                f"{folder}: trial {attempt.trial_index} is live in {begun_in}, from "
                "where the experiment was moved or copied; continue it there until "
                "its live trials have ended"
            )

"""Finds an attempt and its folder, also in a copy of the experiment's folder."""

from __future__ import annotations

from pathlib import Path

from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import Attempt, Trial
from hpcopt.runners.script.attempt_folder import AttemptFolder, attempt_folder


def attempt_path(folder: Path, attempt: Attempt) -> AttemptFolder:
    """Return the attempt's folder, found from where the experiment's folder is now."""
    return attempt_folder(folder, *attempt.key)


def find_attempt(trial: Trial, number: int | None) -> Attempt:
    """Return one attempt of a trial, by default the latest one.

    Raises:
        UsageError: There is no such attempt.
    """
    if not trial.attempts:
        raise UsageError(f"trial {trial.index} has not been submitted: it has no log")
    if number is None:
        return trial.attempts[-1]
    if not 0 <= number < len(trial.attempts):
        raise UsageError(
            f"trial {trial.index}: expected an attempt from 0 to "
            f"{len(trial.attempts) - 1}, found {number}"
        )
    return trial.attempts[number]

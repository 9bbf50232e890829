"""Taking an experiment up: what is refused before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.trials.trial import Cause
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import JOURNAL, is_begun, read_experiment
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.live_trials import choose_runner
from hpcopt.host.clock import SystemClock
from tests.support.cli_world import DEFINITION, SETTINGS, T0

ON_SLURM = SETTINGS
LOCAL: Mapping[str, JSONValue] = {**SETTINGS, "runner": "local"}


def begin(folder: Path, settings: Mapping[str, JSONValue]) -> None:
    """Begin an experiment with one live trial, and one that is about to be."""
    folder.mkdir()
    with open_journal(folder, DEFINITION, settings, SystemClock()) as journal:
        attempt = folder / "trials/0000/attempt-0"
        attempt.mkdir(parents=True)
        trials = [
            ev.GeneratedTrial(k, {"x": 0.5, "kind": "a"}, "sobol") for k in range(2)
        ]
        journal.append(
            ev.TrialsGenerated(T0, tuple(trials)),
            ev.AttemptsStaged(T0, (ev.StagedAttempt(0, 0, "hpcopt:demo:0:0"),)),
            ev.AttemptsSubmitted(
                T0, (ev.SubmittedAttempt(0, 0, {"folder": str(attempt)}),)
            ),
            ev.AttemptsStaged(T0, (ev.StagedAttempt(1, 0, "hpcopt:demo:1:0"),)),
        )


def take_up(folder: Path, settings: Mapping[str, JSONValue]) -> None:
    with open_journal(folder, DEFINITION, settings, SystemClock()):
        pass


def end_trials(folder: Path, settings: Mapping[str, JSONValue]) -> None:
    with open_journal(folder, DEFINITION, settings, SystemClock()) as journal:
        for index in range(2):
            journal.append(
                ev.AttemptEnded(T0, index, 0, Cause.TRIAL, "exit code 1"),
                ev.TrialFailed(T0, index, Cause.TRIAL, "exit code 1"),
            )


@pytest.mark.parametrize(("before", "after"), [(ON_SLURM, LOCAL), (LOCAL, ON_SLURM)])
def test_live_trials_stay_with_their_runner(
    tmp_path: Path,
    before: Mapping[str, JSONValue],
    after: Mapping[str, JSONValue],
) -> None:
    folder = tmp_path / "demo"
    begin(folder, before)
    with pytest.raises(
        UsageError, match=rf"2 trials are live on the {before['runner']} runner"
    ):
        take_up(folder, after)
    assert read_experiment(folder).settings == before
    end_trials(folder, before)
    take_up(folder, after)
    assert read_experiment(folder).settings == after


def test_auto_is_the_runner_that_has_the_live_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "demo"
    monkeypatch.setattr("hpcopt.slurm.site.is_available", lambda: False)
    assert choose_runner("auto", folder) == "local"
    begin(folder, ON_SLURM)
    assert choose_runner("auto", folder) == "slurm"
    assert choose_runner("local", folder) == "local"  # and refused when it is taken up
    end_trials(folder, ON_SLURM)
    assert choose_runner("auto", folder) == "local"


def test_an_experiment_is_not_moved_while_trials_are_live(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    begin(folder, LOCAL)
    folder.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"trial 0 is live in .*demo.*moved or copied"):
        take_up(tmp_path / "moved", LOCAL)
    (tmp_path / "demo").symlink_to("moved")  # the same folder by another name
    take_up(tmp_path / "demo", LOCAL)
    take_up(tmp_path / "moved", LOCAL)
    (tmp_path / "demo").unlink()
    end_trials_of_moved = tmp_path / "moved"
    end_trials_of_moved.rename(folder)
    end_trials(folder, LOCAL)
    folder.rename(tmp_path / "moved")
    take_up(tmp_path / "moved", LOCAL)


def test_a_copy_does_not_take_the_live_trials_for_its_own(tmp_path: Path) -> None:
    begin(tmp_path / "demo", LOCAL)
    shutil.copytree(tmp_path / "demo", tmp_path / "copy")
    with pytest.raises(UsageError, match="moved or copied"):
        take_up(tmp_path / "copy", LOCAL)


@pytest.mark.parametrize("n_bytes", [0, 20, 39, 60])
def test_a_journal_without_its_first_event_is_begun_by_the_next_driver(
    tmp_path: Path, n_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpcopt.slurm.site.is_available", lambda: False)
    folder = tmp_path / "demo"
    folder.mkdir()
    take_up(folder, ON_SLURM)
    whole = (folder / JOURNAL).read_bytes()
    assert is_begun(folder)
    (folder / JOURNAL).write_bytes(whole[:n_bytes])  # as of a driver that was killed
    assert not is_begun(folder)
    assert choose_runner("auto", folder) == "local"
    take_up(folder, LOCAL)
    assert read_experiment(folder).begun.settings == LOCAL


def test_trials_of_an_experiment_whose_journal_is_gone_are_not_taken_for_new_ones(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    begin(folder, LOCAL)
    (folder / JOURNAL).unlink()
    with pytest.raises(ConfigError, match="trials of an experiment without a journal"):
        take_up(folder, LOCAL)
    assert not (folder / JOURNAL).exists()
    shutil.rmtree(folder / "trials")
    take_up(folder, LOCAL)

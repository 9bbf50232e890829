"""Tests that made-up experiments are what readers are to be tried on."""

from __future__ import annotations

from pathlib import Path

from hpcopt.core.trials.trial import Cause, TrialStatus
from hpcopt.experiment.folder import JOURNAL, read_experiment
from tests.support.large_experiment import Shape, write_experiment

SHAPE = Shape(300, n_objectives=2, is_constrained=True, n_live=6)


def test_there_is_a_trial_of_every_kind(tmp_path: Path) -> None:
    experiment = read_experiment(write_experiment(tmp_path / "a", SHAPE))

    trials = experiment.trials
    statuses = {trial.status for trial in trials}
    assert statuses >= {
        TrialStatus.COMPLETED,
        TrialStatus.FAILED,
        TrialStatus.EARLY_STOPPED,
        TrialStatus.RUNNING,
        TrialStatus.STAGED,
    }
    causes = {trial.cause for trial in trials if trial.status is TrialStatus.FAILED}
    assert causes == set(Cause) - {Cause.SUCCESS, Cause.USER}
    assert any(len(trial.attempts) > 1 for trial in trials)
    assert any(len(trial.reports) > 1 for trial in trials)
    assert 0 < len(experiment.pareto_trials()) < len(experiment.trials_of_interest())
    # Times go up, as a driver writes them.
    assert all(t.ended_at is None or t.ended_at > t.created_at for t in trials)


def test_metrics_are_missing_where_they_were_not_finite_or_not_yet_measured(
    tmp_path: Path,
) -> None:
    trials = read_experiment(write_experiment(tmp_path / "a", SHAPE)).completed_trials()

    has_energy = [trial.index for trial in trials if "energy" in trial.outcome]
    assert min(has_energy) == 150
    n_drift = sum("drift" in trial.outcome for trial in trials)
    assert 0 < n_drift < len(trials)


def test_the_same_seed_makes_the_same_up(tmp_path: Path) -> None:
    journals = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = write_experiment(tmp_path / name, Shape(20, seed=seed))
        text = (folder / JOURNAL).read_text(encoding="ascii")
        journals.append([line.split(" ", 2)[2] for line in text.splitlines()])
    same = [line.replace(f"{tmp_path}/b/", f"{tmp_path}/a/") for line in journals[1]]

    assert same == journals[0]
    assert journals[2] != journals[0]

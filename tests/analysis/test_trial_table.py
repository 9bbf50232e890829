from __future__ import annotations

import pytest

from hpcopt.analysis.trial_table import trial_table
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import experiment, losses


def test_the_table_has_a_row_a_trial_and_the_columns_of_ax() -> None:
    trials = experiment("-loss", [*losses(1.5), None, {}])
    table = trial_table(trials).astype(object)
    assert table.where(table.notna(), None).to_dict("list") == {
        "trial_index": [0, 1, 2],
        "arm_name": ["0_0", "1_0", "2_0"],
        "trial_status": ["COMPLETED", "FAILED", "CANDIDATE"],
        "status_reason": [None, "exit code 3", None],
        "generation_node": ["sobol", "sobol", "sobol"],
        "loss": [1.5, None, None],
        "x": [0.0, 0.1, 0.2],
        "kind": ["a", "a", "a"],
    }


def test_the_table_leaves_out_what_nothing_is_known_of() -> None:
    trials = experiment("-loss", losses(1.5))
    assert "status_reason" not in trial_table(trials).columns
    whole = trial_table(trials, omit_empty_columns=False)
    assert {"status_reason", "outside"} <= set(whole.columns)
    assert trial_table(experiment("-loss", [])).empty


def test_the_table_can_be_of_some_trials_only() -> None:
    trials = experiment("-loss", [*losses(1.5), None, {}, None])
    failed, candidate = TrialStatus.FAILED, TrialStatus.CANDIDATE
    assert list(trial_table(trials, [3, 0])["trial_index"]) == [3, 0]
    both = trial_table(trials, None, [failed, candidate])
    assert list(both["trial_index"]) == [1, 2, 3]
    assert list(trial_table(trials, [0, 1], [failed])["trial_index"]) == [1]


def test_a_trial_that_is_not_there_is_refused() -> None:
    trials = experiment("-loss", losses(1.5))
    with pytest.raises(UsageError, match="among the 1 of the experiment, found 1"):
        trial_table(trials, [1])

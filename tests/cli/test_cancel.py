"""``hpcopt cancel`` and ``hpcopt retry``, with a driver at work and without one."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from hpcopt.cli.asking import NamedTrials, named_trials
from hpcopt.core import events as ev
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.driver.driver import Driver
from hpcopt.driver.requests import REQUESTS
from hpcopt.experiment.folder import JOURNAL, LEASE, read_experiment
from hpcopt.storage.lease import Lease
from tests.support.cli_world import EVENTS, T0, hpcopt, make_experiment
from tests.support.gated_world import change, make_config, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_config(tmp_path)


def states(config: Path) -> list[str]:
    facts = json.loads(hpcopt("trials", config, "--json").stdout)
    return [trial["state"] for trial in facts]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["3"], NamedTrials((3,), None)),
        (["5", "3-4", "3"], NamedTrials((3, 4, 5), None)),
        (["3", "e.yaml"], NamedTrials((3,), Path("e.yaml"))),
        (["all"], NamedTrials(None, None)),
        (["all", "out"], NamedTrials(None, Path("out"))),
    ],
)
def test_trials_are_named_by_numbers_and_ranges(
    words: list[str], expected: NamedTrials
) -> None:
    assert named_trials(words, takes_all=True) == expected


@pytest.mark.parametrize(
    ("words", "takes_all", "message"),
    [
        (["e.yaml"], True, "expected numbers of trials, or all, then"),
        (["3", "e.yaml", "4"], True, "found 'e.yaml'"),
        (["all", "3"], True, "numbers of trials or all, found both"),
        (["all"], False, "expected numbers of trials, then the experiment"),
        (["5-3"], True, "expected a range such as 3-5, found '5-3'"),
    ],
)
def test_other_words_are_refused(
    words: list[str], takes_all: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        named_trials(words, takes_all=takes_all)


def test_a_driver_cancels_the_trials_that_it_is_asked_to(config: Path) -> None:
    with running(config) as process:
        text = hpcopt("cancel", 0, 2, config, "--wait", 60).stdout
        assert "trial 0: cancelled" in text
        assert "trial 2: cancelled" in text
        (config.parent / "open").touch()
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "trial 0 abandoned: cancelled by " in out
    assert states(config) == ["abandoned", "completed", "abandoned"]


def test_all_cancelled_stops_the_driver(config: Path) -> None:
    change(config, "max_trials: 3", "max_trials: 4")
    with running(config) as process:
        text = hpcopt("cancel", "all", config, "--wait", 60).stdout
        assert "3 trials cancelled; " in text  # the driver may have stopped already
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 143
        assert "all trials cancelled by " in out
    assert states(config) == ["abandoned"] * 3
    hpcopt("run", config)
    assert states(config) == ["abandoned"] * 3 + ["completed"]


def test_without_a_driver_trials_are_cancelled_all_the_same(config: Path) -> None:
    with running(config) as process:
        process.kill()
        process.communicate()
        text = hpcopt("cancel", "1", config, "--wait", 60).stdout
        assert text == "trial 1: cancelled\n"
        assert states(config) == ["running", "abandoned", "running"]
        assert "done what was asked for" in hpcopt("status", config).stdout
    hpcopt("run", config)
    assert states(config) == ["completed", "abandoned", "completed"]


def test_a_signal_ends_a_cancellation_in_order(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Driver) -> None:
        signal.raise_signal(signal.SIGINT)

    with running(config) as process:
        process.kill()
        process.communicate()
        with monkeypatch.context() as patched:
            patched.setattr(Driver, "step", interrupted)
            hpcopt("cancel", "1", config, code=130)
        ended = read_experiment(config.parent / "out").ended
        assert ended is not None
        assert ended.reason == "stopped by SIGINT"
    hpcopt("run", config)
    assert states(config) == ["completed", "abandoned", "completed"]


def test_without_a_driver_the_config_is_needed(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    text = hpcopt("cancel", "3", folder, code=2).stderr
    assert "config is needed: hpcopt cancel 3 CONFIG" in text
    assert not (folder / REQUESTS).exists()


def test_where_no_trial_is_open_nothing_is_cancelled(tmp_path: Path) -> None:
    ends = [ev.TrialAbandoned(T0, index, "no use") for index in range(5)]
    folder = make_experiment(tmp_path / "e", [*EVENTS[:3], *ends])
    journal = (folder / JOURNAL).read_bytes()
    assert "nothing was cancelled" in hpcopt("cancel", "all", folder).stdout
    assert "not cancelled, it is" in hpcopt("cancel", "0", folder).stdout
    assert (folder / JOURNAL).read_bytes() == journal


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_trial_that_is_not_there_is_an_error(verb: str, tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    assert "there are 0 to 4" in hpcopt(verb, "3-9", folder, code=2).stderr
    assert not (folder / REQUESTS).exists()


def test_a_failed_trial_is_run_again_by_the_next_driver(config: Path) -> None:
    (config.parent / "fails").touch()
    hpcopt("run", config, code=1)
    assert states(config) == ["failed"] * 3
    (config.parent / "fails").unlink()
    text = hpcopt("retry", "0-1", config).stdout
    assert text == (
        "trial 0: attempt 1 follows\ntrial 1: attempt 1 follows\n"
        "no driver runs; hpcopt run continues with them\n"
    )
    before = read_experiment(config.parent / "out")
    assert [t.status for t in before.trials[:2]] == [TrialStatus.CANDIDATE] * 2
    hpcopt("run", config)
    assert states(config) == ["completed", "completed", "failed"]
    after = read_experiment(config.parent / "out")
    assert [t.parameters for t in after.trials] == [t.parameters for t in before.trials]
    assert "attempt 0" in hpcopt("show", 0, config).stdout


def test_a_driver_at_work_runs_a_trial_again(config: Path) -> None:
    with running(config):
        hpcopt("cancel", 1, config, "--wait", 60)
        wait_until(lambda: states(config)[1] == "abandoned")
        text = hpcopt("retry", 1, config, "--wait", 60).stdout
        assert text == "trial 1: attempt 1 follows\n"
        (config.parent / "open").touch()
        wait_until(lambda: states(config) == ["completed"] * 3)


def test_what_cannot_be_run_again_is_told(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    text = hpcopt("retry", 0, 2, folder).stdout
    assert "trial 0: not run again, it is completed" in text
    assert "trial 2: attempt 2 follows" in text


def test_a_driver_that_does_not_answer_finds_the_request_later(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    with Lease.acquire(folder / LEASE, heartbeat_s=None):
        text = hpcopt("retry", 2, folder, "--wait", 0).stdout
    assert "has not answered after 0.0 s" in text
    assert len(list((folder / REQUESTS).iterdir())) == 1
    hpcopt("retry", 2, folder)
    assert list((folder / REQUESTS).iterdir()) == []
    assert read_experiment(folder).trial(2).status is TrialStatus.CANDIDATE


def test_a_cancelled_trial_is_told_from_a_running_one(tmp_path: Path) -> None:
    asked = ev.TrialsCancelled(T0 + 95, (3,), "ada")
    folder = make_experiment(tmp_path / "e", [*EVENTS, asked])
    assert "being cancelled by ada" in hpcopt("status", folder).stdout

"""What became of a packed attempt, for all that can be written down and seen."""

from __future__ import annotations

import pytest

from hpcopt.core.trials.trial import AttemptState, Cause, Phase
from hpcopt.runners.script.attempt_folder import AttemptFiles, Started, Stopped
from hpcopt.runners.script.worker_error import WorkerError
from hpcopt.runners.slurm import packs

BEGUN = Started("12", "n1", 7, "boot", "1")
NEVER = Started("never-run", "n1", 0, "b", "0")
STOPPED = Stopped(Cause.USER, 1.0)


def look(
    code: int | None = None,
    signal: str = "",
    *,
    begun: bool = True,
    stopped: Stopped | None = None,
) -> AttemptFiles:
    return AttemptFiles(BEGUN if begun else None, code, signal, stopped)


def ended(cause: Cause) -> AttemptState:
    return AttemptState(Phase.ENDED, cause, "Slurm's words", {"node": "n1"})


WAITING = AttemptState(Phase.WAITING, None, "Resources")
RUNNING = AttemptState(Phase.RUNNING, None, "")
COMPLETING = AttemptState(Phase.RUNNING, None, "completing")
UNKNOWN = AttemptState(Phase.UNKNOWN, None, "job 12 is not in the queue")


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (look(0), Cause.SUCCESS),
        (look(0, "USR1"), None),
        (look(3), Cause.TRIAL),
        (look(3, "TERM"), None),
        (look(143), None),
        (look(137), None),
        (look(), None),
        (look(begun=False), None),
        (
            AttemptFiles(Started("never-run", "n1", 0, "b", "0"), None, "", None),
            Cause.USER,
        ),
    ],
)
def test_its_own_word_is_enough_unless_a_signal_may_have_been_for_all(
    seen: AttemptFiles, cause: Cause | None
) -> None:
    end = packs.own_end(seen)
    assert (end and end.cause) == cause


@pytest.mark.parametrize(
    ("seen", "job", "phase", "cause"),
    [
        (look(begun=False), WAITING, Phase.WAITING, None),
        (look(begun=False), RUNNING, Phase.WAITING, None),
        (look(begun=False), UNKNOWN, Phase.UNKNOWN, None),
        (look(), RUNNING, Phase.RUNNING, None),
        (look(139), RUNNING, Phase.ENDED, Cause.TRIAL),
        (look(139), COMPLETING, Phase.RUNNING, None),
        (look(139), UNKNOWN, Phase.UNKNOWN, None),
        (look(143, "TERM"), RUNNING, Phase.RUNNING, None),
        (look(137), RUNNING, Phase.RUNNING, None),
        (look(143, "TERM", stopped=STOPPED), RUNNING, Phase.ENDED, Cause.USER),
    ],
)
def test_while_the_pack_lives(
    seen: AttemptFiles, job: AttemptState, phase: Phase, cause: Cause | None
) -> None:
    state = packs.state(seen, job)
    assert (state.phase, state.cause) == (phase, cause)


@pytest.mark.parametrize("cause", [Cause.TIME, Cause.MEMORY, Cause.INFRASTRUCTURE])
def test_what_ended_the_pack_ended_what_ran_and_not_what_waited(cause: Cause) -> None:
    for seen in (look(), look(143, "TERM"), look(137), look(0, "TERM")):
        state = packs.state(seen, ended(cause))
        assert (state.cause, state.reason) == (cause, "Slurm's words")
    state = packs.state(look(begun=False), ended(cause))
    assert state.cause is Cause.INFRASTRUCTURE
    assert "its turn had not come when its pack ended" in state.reason


def test_what_a_function_raised_is_the_reason() -> None:
    error = WorkerError("KeyError", "the function raised KeyError: 'a'", "", "")
    end = packs.own_end(AttemptFiles(BEGUN, 1, "", None, error=error))
    assert end is not None
    assert end.reason == "the function raised KeyError: 'a' (exit code 1)"
    assert end.facts["error"] == "KeyError"


def test_a_pack_that_somebody_cancelled_is_cancelled_as_a_whole() -> None:
    for seen in (look(), look(143, "TERM"), look(begun=False)):
        assert packs.state(seen, ended(Cause.USER)).cause is Cause.USER


@pytest.mark.parametrize("cause", [Cause.SUCCESS, Cause.TRIAL])
def test_after_a_pack_that_ended_by_itself_exit_codes_count(cause: Cause) -> None:
    state = packs.state(look(137), ended(cause))
    assert (state.cause, state.facts["exit_code"]) == (Cause.TRIAL, 137)
    assert packs.state(look(), ended(cause)).cause is Cause.INFRASTRUCTURE
    assert packs.state(look(begun=False), ended(cause)).cause is Cause.INFRASTRUCTURE
    assert packs.state(look(0, "USR1"), ended(cause)).cause is Cause.SUCCESS
    stopped = look(143, "TERM", stopped=STOPPED)
    assert packs.state(stopped, ended(cause)).cause is Cause.USER

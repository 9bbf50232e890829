"""Packs over fake commands: how they are made, found again, judged and stopped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hpcopt.core.errors import (
    PollError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.script.job_spec import Packing
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.tables import SEPARATOR
from hpcopt.testing.fake_slurm import BEGINNING, FakeSlurm
from tests.support.fake_clock import FakeClock
from tests.support.runner_contract import request, submit
from tests.support.slurm_support import TEMPLATE, accounting_line, lines, scripts

BEGUN = "41 n1 7 boot 1\n"


THREE = Packing(3, 2)


class World:
    """A runner that packs, over fake commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a folder"
        self.slurm = FakeSlurm(folder)
        self.clock = FakeClock(BEGINNING)
        self.slurm.says("sbatch", "41")

    def runner(self, pack: Packing | None = THREE, **slurm: str) -> SlurmRunner:
        made = scripts(self.folder, TEMPLATE, **slurm)
        made.spec = dataclasses.replace(made.spec, pack=pack)
        return SlurmRunner(made, self.slurm.commands_in_process(), self.clock.now)

    def submitted(self, n: int = 3) -> tuple[SlurmRunner, list[Attempt]]:
        runner = self.runner()
        return runner, submit(runner, runner.plan([request(k) for k in range(n)]))

    def write(self, trial_index: int, name: str, text: str) -> None:
        folder = self.folder / f"experiment/trials/{trial_index:04d}/attempt-0"
        (folder / name).write_text(text)

    def job(self, attempt: Attempt, word: str) -> None:
        """Have squeue list the pack."""
        where = self.folder / "experiment" / "packs" / attempt.name
        cells = ["41", word, f"{self.clock.now():.0f}", "n1", "None", attempt.name]
        self.slurm.says("squeue", SEPARATOR.join([*cells, str(where)]))

    def over(self, attempt: Attempt, word: str) -> None:
        """Have the pack be ended."""
        self.slurm.says("squeue", "")
        cells = ["41", word, "0:0", f"{self.clock.now():.0f}", "7", "n1", attempt.name]
        self.slurm.says("sacct", accounting_line(*cells, str(self.folder)))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def states(runner: SlurmRunner, attempts: list[Attempt]) -> list[AttemptState]:
    found = runner.poll(attempts)
    return [found[attempt.key] for attempt in attempts]


def test_a_pack_is_of_any_trials_with_the_same_options(world: World) -> None:
    requests = [request(k) for k in (9, 0, 2, 4)] + [request(5, code=1), request(3, 1)]
    planned = world.runner(nice="{{ code }}").plan(requests)
    assert [[r.key for r in s.requests] for s in planned] == [
        [(0, 0), (2, 0), (4, 0)],
        [(5, 0)],
        [(9, 0)],
        [(3, 1)],
    ]
    assert planned[0].name.endswith(":0-4:0")


def test_a_pack_is_one_job_that_runs_all_of_it(world: World) -> None:
    _, attempts = world.submitted()
    (line,) = lines(world.slurm, "sbatch")
    folder = world.folder / "experiment" / "packs" / attempts[0].name
    assert "--array" not in line
    assert line.endswith(f"--chdir={folder} {folder}/job.sh")
    job = (folder / "job.sh").read_text()
    assert job.startswith("#!/bin/bash\n#SBATCH --comment=from-the-template\n")
    assert job.endswith(f" -P -m hpcopt.node.pack '{folder}' 2\n")
    for position, attempt in enumerate(attempts):
        metadata = dict(attempt.metadata or {})
        assert (folder / str(position)).resolve() == Path(str(metadata["folder"]))
        assert (metadata["job_id"], metadata["pack"]) == ("41", True)
        assert metadata["requested"] == {"nodes": 1, "cpus": 1, "shared_by": 2}


def test_one_trial_is_a_job_of_its_own(world: World) -> None:
    _, (attempt,) = world.submitted(1)
    assert "pack" not in (attempt.metadata or {})
    assert not (world.folder / "experiment" / "packs").exists()


def test_a_pack_is_never_submitted_in_parts(world: World) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(k) for k in range(3)])
    limit = "sbatch: error: AssocMaxSubmitJobLimit"
    world.slurm.says("sbatch", "", code=1, err=limit)
    with pytest.raises(SubmissionDeferredError):
        runner.submit(submission)
    assert len(lines(world.slurm, "sbatch")) == 1
    world.slurm.says("sbatch", "42")
    assert {facts["job_id"] for facts in runner.submit(submission)} == {"42"}


def test_a_lost_answer_is_settled_by_any_attempt_that_has_begun(world: World) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(k) for k in range(3)])
    world.slurm.says("sbatch", "", code=1, err="Socket timed out on send/recv")
    with pytest.raises(SubmissionUnknownError):
        runner.submit(submission)
    world.write(1, "started", BEGUN)
    found = world.runner().find(submission)
    assert found is not None
    assert [facts["job_id"] for facts in found] == ["41"] * 3


def test_a_pack_stays_one_when_the_config_changes(world: World) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(k) for k in range(3)])
    runner.submit(submission)
    found = world.runner(pack=None).find(submission)
    assert found is not None
    assert [facts["pack"] for facts in found] == [True] * 3
    (array,) = world.runner(pack=None).plan([request(k) for k in range(4, 6)])
    world.runner(pack=None).submit(array)
    found = world.runner().find(array)
    assert found is not None
    assert [facts["job_id"] for facts in found] == ["41_0", "41_1"]


def test_each_is_judged_by_its_own_word_while_the_pack_goes_on(world: World) -> None:
    runner, attempts = world.submitted()
    world.job(attempts[0], "PENDING")
    assert {s.phase for s in states(runner, attempts)} == {Phase.WAITING}
    assert runner.n_queued_jobs(attempts) == 1
    world.job(attempts[0], "RUNNING")
    world.write(0, "started", BEGUN)
    world.write(0, "ended", "0\n")
    world.write(1, "started", BEGUN)
    world.write(1, "ended", "5\n")
    found = states(runner, attempts)
    assert [s.cause for s in found] == [Cause.SUCCESS, Cause.TRIAL, None]
    assert found[2].phase is Phase.WAITING
    assert runner.n_queued_jobs(attempts[2:]) == 0
    n_calls = len(lines(world.slurm, "squeue"))
    states(runner, attempts[:2])
    assert len(lines(world.slurm, "squeue")) == n_calls


def test_at_its_time_limit_those_that_ran_had_too_little(world: World) -> None:
    runner, attempts = world.submitted()
    world.write(0, "started", BEGUN)
    world.write(0, "ended", "0\n")
    world.write(1, "started", BEGUN)
    world.write(1, "ended", "143 TERM\n")
    world.over(attempts[0], "TIMEOUT")
    found = states(runner, attempts)
    assert [s.cause for s in found] == [Cause.SUCCESS, Cause.TIME, None]
    # What the accounting has of the job is about the whole pack.
    assert "accounting" not in found[1].facts
    assert found[1].facts["elapsed_s"] != 7
    assert "waiting for the last words" in found[2].reason
    world.clock.wait(6)
    (last,) = states(runner, attempts[2:])
    assert last.cause is Cause.INFRASTRUCTURE
    assert "its turn had not come" in last.reason


def test_an_outage_hides_no_end_that_files_tell(world: World) -> None:
    runner, attempts = world.submitted()
    world.write(0, "ended", "0\n")
    world.slurm.says("squeue", "", code=1, err="Unable to contact slurm controller")
    ended, unknown, _ = states(runner, attempts)
    assert ended.cause is Cause.SUCCESS
    assert unknown.phase is Phase.UNKNOWN
    assert "Unable to contact" in unknown.reason
    with pytest.raises(PollError, match="Unable to contact"):
        runner.poll(attempts[1:])


def test_a_whole_pack_is_cancelled_as_a_job(world: World) -> None:
    runner, attempts = world.submitted()
    world.write(0, "ended", "0\n")
    runner.stop(attempts[1:])
    (line,) = lines(world.slurm, "scancel")
    assert line.endswith(" 41")


def test_one_attempt_is_stopped_without_its_pack(world: World) -> None:
    runner, attempts = world.submitted()
    world.write(0, "started", BEGUN)
    world.job(attempts[0], "RUNNING")
    runner.stop(attempts[:2])
    assert lines(world.slurm, "scancel") == []
    found = states(runner, attempts)
    assert (found[0].phase, found[1].cause) == (Phase.RUNNING, Cause.USER)
    world.write(0, "ended", "143 TERM\n")
    assert states(runner, attempts)[0].cause is Cause.USER


def test_single_jobs_are_counted_one_by_one(world: World) -> None:
    runner = world.runner(pack=None)
    attempts = submit(runner, runner.plan([request(k) for k in (0, 1, 5)]))
    assert runner.n_queued_jobs(attempts) == 3


def test_packs_and_single_jobs_are_asked_about_in_one_call(world: World) -> None:
    runner, packed = world.submitted()
    world.slurm.says("sbatch", "42")
    (single,) = submit(runner, runner.plan([request(9)]))
    world.job(packed[0], "RUNNING")
    found = states(runner, [*packed, single])
    assert [s.phase for s in found] == [*[Phase.WAITING] * 3, Phase.UNKNOWN]
    assert len(world.slurm.calls("squeue")) == 1

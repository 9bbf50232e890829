"""How often the scheduler is asked, and how soon things are seen nevertheless."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.cost import spending
from hpcopt.core.trials.trial import (
    Attempt,
    AttemptState,
    Cause,
    Observation,
    Phase,
    TrialStatus,
)
from hpcopt.core.types import JSONValue
from hpcopt.driver import driver as driver_module
from hpcopt.driver import polling
from hpcopt.driver.driver import Driver
from hpcopt.driver.limits import Limits
from hpcopt.driver.polling import (
    FLOOR_VARIABLE,
    PollSchedule,
    batching_delay_s,
    with_site_floor,
)
from hpcopt.host import durable
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.attempt_folder import AttemptFiles, Started
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob
from hpcopt.runners.slurm import attempt_watch
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import Answer, SlurmCommands
from hpcopt.slurm.tables import SEPARATOR
from tests.support.driver_world import Cluster, ClusterRunner, Hazards, World
from tests.support.fake_clock import FakeClock
from tests.support.slurm_support import scripts


class AnyOutcome:
    """Every trial has a result."""

    def read(
        self, trial_index: int, trial_metadata: Mapping[str, object]
    ) -> Mapping[str, Observation]:
        return {"loss": Observation(float(trial_index))}


# The schedule


def polls(schedule: PollSchedule, seconds: float, typical_s: float = 0.0) -> int:
    """Return how many polls there are while nothing happens."""
    n, now = 0, 1000.0
    while (now := max(now, schedule.next_poll_at)) < 1000.0 + seconds:
        schedule.polled(now, has_changed=n == 0, typical_s=typical_s)
        n += 1
    return n


def test_polls_become_rare_while_nothing_happens() -> None:
    assert 20 < polls(PollSchedule(1.0), 600) < 40
    assert polls(PollSchedule(1.0, has_file_polls=True), 36000, 3600.0) < 230


def test_the_floor_holds_whatever_happens() -> None:
    schedule = PollSchedule(1.0, floor_s=60.0)
    schedule.polled(1000.0, has_changed=True)
    assert schedule.next_poll_at == 1060.0
    schedule.poll_soon(1010.0)
    schedule.submitted(1011.0, typical_s=0.0)
    assert schedule.next_poll_at == 1060.0


def test_what_only_the_scheduler_can_tell_is_asked_soon() -> None:
    schedule = PollSchedule(1.0, has_file_polls=True)
    for k in range(30):
        schedule.polled(1000.0 + 200 * k, has_changed=False, typical_s=3600.0)
    schedule.poll_soon(6810.0)
    assert schedule.next_poll_at == 6811.0


def test_polls_of_files_take_a_small_part_of_the_time() -> None:
    schedule = PollSchedule(1.0, has_file_polls=True)
    schedule.files_polled(1000.0, took_s=0.001, typical_s=2.0)
    assert schedule.next_file_poll_at == 1001.0
    schedule.files_polled(1000.0, took_s=0.001, typical_s=36000.0)
    assert schedule.next_file_poll_at == 1005.0
    schedule.files_polled(1000.0, took_s=2.0, typical_s=2.0)
    assert schedule.next_file_poll_at == 1040.0


@pytest.mark.parametrize(
    ("typical_s", "expected"), [(0, 0), (60, 0.15), (600, 15), (3600, 90), (1e5, 90)]
)
def test_short_trials_hardly_wait_for_each_other(
    typical_s: float, expected: float
) -> None:
    assert batching_delay_s(typical_s) == pytest.approx(expected)


def test_a_site_may_ask_for_a_floor() -> None:
    limits = Limits(max_trials=1, min_seconds_between_polls=5)
    assert with_site_floor(limits, {}) is limits
    floor = with_site_floor(limits, {FLOOR_VARIABLE: "60"})
    assert floor.min_seconds_between_polls == 60
    lower = with_site_floor(limits, {FLOOR_VARIABLE: "1"})
    assert lower.min_seconds_between_polls == 5


@pytest.mark.parametrize("text", ["often", "-1", "nan"])
def test_a_floor_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"{FLOOR_VARIABLE}: expected a number"):
        with_site_floor(Limits(max_trials=1), {FLOOR_VARIABLE: text})


# The driver


class SeeingRunner(ClusterRunner):
    """Sees successes in files, and is polled for all else."""

    def __init__(self, cluster: Cluster, hazards: Hazards) -> None:
        super().__init__(cluster, hazards)
        self.polled_at: list[float] = []
        self.told: set[tuple[int, int]] = set()

    @override
    def poll_files(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        self.cluster.tick()
        found = {}
        for attempt in attempts:
            state = self.cluster.state(attempt.key)
            if state.cause is Cause.SUCCESS:
                found[attempt.key] = state
            elif state.cause is Cause.TRIAL and attempt.key not in self.told:
                self.told.add(attempt.key)
                found[attempt.key] = AttemptState(Phase.UNKNOWN)
        return found

    @override
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        self.polled_at.append(self.cluster.clock.now())
        return super().poll(attempts)


def seeing_world(run_s: float, **limits: Any) -> tuple[World, SeeingRunner]:
    world = World(Limits(**limits))
    world.cluster.run_s = run_s
    runner = SeeingRunner(world.cluster, world.hazards)
    world.runner = runner
    return world, runner


def lateness(world: World) -> list[float]:
    """Return how late the end of each trial was seen."""
    late = []
    for trial in world.journal.experiment.trials:
        started_at = world.cluster.jobs[trial.index, 0].started_at or 0.0
        seen_at = trial.attempts[0].ended_at or 0.0
        late.append(seen_at - started_at - world.cluster.run_s)
    return late


@pytest.mark.slow
@pytest.mark.parametrize("run_s", [3.0, 60.0, 3600.0])
def test_an_end_is_seen_in_files_long_before_a_poll(run_s: float) -> None:
    world, _ = seeing_world(run_s, max_trials=20, parallelism=2)
    world.run()
    assert max(lateness(world)) <= max(1.1, min(5.1, 0.01 * run_s))


@pytest.mark.slow
@pytest.mark.parametrize("run_s", [3.0, 3600.0])
def test_a_failure_seen_in_a_file_is_polled_soon(run_s: float) -> None:
    world, _ = seeing_world(run_s, max_trials=20, parallelism=2)
    world.cluster.cause = lambda key: Cause.TRIAL if key[0] == 15 else Cause.SUCCESS
    world.run()
    assert world.journal.experiment.trial(15).status is TrialStatus.FAILED
    assert lateness(world)[15] <= 7.0


def test_an_end_that_no_file_tells_of_is_seen_by_a_poll() -> None:
    world, _ = seeing_world(3600.0, max_trials=6, parallelism=2)
    world.cluster.cause = lambda key: Cause.TIME if key[0] == 4 else Cause.SUCCESS
    world.run()
    assert lateness(world)[4] <= 300.0


# A thousand trials of an hour


class CountedSlurm(SlurmCommands):
    """A Slurm in memory with room for all, that counts what it is asked."""

    def __init__(self, clock: FakeClock, spread: float) -> None:
        super().__init__({})
        self.argv: list[list[str]] = []
        self.ends: dict[str, float] = {}
        self._clock = clock
        self._names: dict[str, str] = {}
        self._random = random.Random(7)
        self._spread = spread

    @override
    def _run(
        self,
        command: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdout: int,
        stderr: int,
    ) -> Answer:
        self.calls[command] += 1
        self.argv.append([command, *arguments])
        out = getattr(self, f"_{command}")(arguments)
        if stdout >= 0:
            os.write(stdout, out.encode())
        return Answer(command, 0, out)

    def _sbatch(self, arguments: Sequence[str]) -> str:
        options = dict(word.partition("=")[::2] for word in arguments)
        base = len(self.argv)
        first, _, last = options.get("--array", "").partition("-")
        tasks = [f"_{k}" for k in range(int(first), int(last) + 1)] if last else [""]
        for task in tasks:
            run_s = 3600.0 * self._random.uniform(1 - self._spread, 1 + self._spread)
            self.ends[f"{base}{task}"] = self._clock.now() + run_s
            self._names[f"{base}{task}"] = options["--job-name"]
        return f"{base}\n"

    def _squeue(self, arguments: Sequence[str]) -> str:
        alive = [job for job, end in self.ends.items() if end > self._clock.now()]
        return "".join(
            SEPARATOR.join([job, "RUNNING", "1000", "n1", "None", self._names[job], ""])
            + "\n"
            for job in alive
        )

    def _scontrol(self, arguments: Sequence[str]) -> str:
        return "MaxArraySize = 1001\nMessageTimeout = 10 sec\n"

    def _sacctmgr(self, arguments: Sequence[str]) -> str:
        return ""

    def look(self, attempt: Attempt) -> AttemptFiles:
        """Return what the files of an attempt tell."""
        job = str((attempt.metadata or {})["job_id"])
        is_over = self.ends[job] <= self._clock.now()
        started = Started(job, "n1", 1, "b", "1")
        return AttemptFiles(started, 0 if is_over else None, "", None)


def make_folder(
    scripts: JobScripts, request: AttemptRequest, _: RenderedJob, *, is_packed: bool
) -> None:
    scripts.folder(request).path.mkdir(parents=True)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_a_thousand_trials_of_an_hour_cost_the_scheduler_little(
    spread: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(Limits(max_trials=1000, parallelism=100))
    slurm = CountedSlurm(world.clock, spread)
    # Files are kept in memory, and looked at as often as matters for calls.
    monkeypatch.setattr(driver_module, "_LONGEST_WAIT_S", 60.0)
    monkeypatch.setattr(polling, "_LONGEST_FILE_POLL_S", 30.0)
    monkeypatch.setattr(polling, "_FILE_POLL_SHARE", 0.01)
    monkeypatch.setattr(attempt_watch, "read_files", slurm.look)
    monkeypatch.setattr(JobScripts, "write", make_folder)
    monkeypatch.setattr(durable, "sync_folder", lambda _: None)
    template = "#!/bin/bash\ntrue\n"
    runner = SlurmRunner(scripts(tmp_path / "e", template), slurm, world.clock.now)
    begun_at = world.clock.now()
    Driver(
        world.journal, runner, AnyOutcome(), world.service, world.limits, world.clock
    ).run()
    minutes = (world.clock.now() - begun_at) / 60
    experiment = world.journal.experiment
    assert experiment.count(TrialStatus.COMPLETED) == 1000
    per_minute = len(slurm.argv) / minutes
    counts = Counter(words[0] for words in slurm.argv)
    sys.stdout.write(f"{per_minute:.3f} calls a minute in {minutes:.0f}: {counts}\n")
    assert per_minute <= 1.2
    assert counts.total() == experiment.driver_activity.calls.total()
    # A thousand hours of work for a hundred places.
    assert minutes <= 1.04 * 600 * (1 + 0.15 * (spread > 0))


class TellingRunner(ClusterRunner):
    """Is told what attempts cost once their ends are in the journal."""

    def __init__(self, cluster: Cluster, hazards: Hazards) -> None:
        super().__init__(cluster, hazards)
        self.ended: set[tuple[int, int]] = set()
        self.due: set[tuple[int, int]] = set()

    @override
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        self.due, self.ended = self.ended, set()
        found = super().poll(attempts)
        self.ended = {k for k, state in found.items() if state.phase is Phase.ENDED}
        return found

    @override
    def accounted(self) -> Mapping[tuple[int, int], Mapping[str, JSONValue]]:
        due, self.due = self.due, set()
        return {key: {"cpus": 4, "elapsed_s": 900} for key in due}


def test_what_ended_attempts_cost_is_recorded_once_it_is_told() -> None:
    world = World(Limits(max_trials=6, parallelism=2))
    world.runner = TellingRunner(world.cluster, world.hazards)
    world.run()
    found = spending(world.journal.experiment.trials)
    assert (found.n_accounted, found.n_unknown) == (4, 2)  # the last poll is the last
    assert found.spent == 4.0

"""Whole experiments on a fake Slurm that goes wrong at random, with drivers that die.

Jobs are requeued, preempted and lose their nodes; answers are lost, late, torn, doubled
or refused; controller and accounting freeze and vanish; the driver dies around each
write of the journal, around each sbatch, and in between. No trial fails here by itself:
a second attempt of one, or a job that was submitted twice, is a mistake.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from hpcopt.core.events import Event
from hpcopt.core.trials.trial import Observation, TrialStatus
from hpcopt.driver.driver import Driver, Stop
from hpcopt.driver.limits import Limits
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import Answer, SlurmCommands
from hpcopt.storage.journal import Journal
from hpcopt.testing.fake_slurm import FakeSlurm
from hpcopt.testing.faults import NO_DATABASE, RATE_LIMIT, TIMED_OUT, Fault
from hpcopt.testing.world import World
from tests.support.driver_world import BEGUN, Killed, RandomService
from tests.support.memory_store import MemoryStore
from tests.support.slurm_support import scripts

TEMPLATE = "#!/bin/bash\ntrue\n"
N_TRIALS = 10


class Fate:
    """What happens next, by a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.is_over = False

    def strikes(self, probability: float) -> bool:
        return not self.is_over and self.rng.random() < probability


class MortalStore(MemoryStore):
    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate

    @override
    def append(self, events: Sequence[Event]) -> None:
        if self.fate.strikes(0.03):
            raise Killed
        super().append(events)
        if self.fate.strikes(0.03):
            raise Killed


class Unlucky:
    """A fake Slurm at the mercy of a fate, and the clock of its drivers."""

    def __init__(self, folder: Path, fate: Fate) -> None:
        self.fate = fate
        self.slurm = FakeSlurm(folder, nodes=3, cpus=2)
        self.slurm.behave(run_s=40)
        self._now = self.slurm.now
        self.misfortunes: list[Callable[[World], None]] = [
            self.lose_an_answer,
            self.garble,
            self.refuse,
            self.turn_controller,
            self.turn_accounting,
            self.interrupt_a_job,
            self.turn_node,
            self.turn_limit,
        ]

    def commands(self) -> SlurmCommands:
        commands = self.slurm.commands_in_process()
        sbatch = commands.sbatch

        def mortal(arguments: Sequence[str], output: int) -> Answer:
            if self.fate.strikes(0.05):
                raise Killed
            answer = sbatch(arguments, output)
            if self.fate.strikes(0.05):
                raise Killed
            return answer

        commands.sbatch = mortal  # type: ignore[method-assign]
        return commands

    # As a clock

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        with self.slurm.world() as world:
            world.advance(world.now + max(0.1, seconds))
            self._now = world.now
            if self.fate.strikes(0.25):
                self.fate.rng.choice(self.misfortunes)(world)
        if self.fate.strikes(0.03):
            raise Killed

    def interrupt(self) -> None:
        pass

    # What goes wrong

    def lose_an_answer(self, world: World) -> None:
        is_heard = self.fate.rng.random() < 0.5
        world.faults.append(Fault("sbatch", err=TIMED_OUT, is_heard=is_heard))

    def garble(self, world: World) -> None:
        command = self.fate.rng.choice(["squeue", "sacct"])
        how = self.fate.rng.choice(["cut", "empty", "repeat", "noise"])
        world.faults.append(Fault(command, garbles=how, times=2))

    def refuse(self, world: World) -> None:
        command, words = self.fate.rng.choice(
            [
                ("sbatch", RATE_LIMIT),
                ("squeue", RATE_LIMIT),
                ("squeue", TIMED_OUT),
                ("sacct", NO_DATABASE),
                ("scontrol", TIMED_OUT),
            ]
        )
        times = self.fate.rng.randint(1, 4)
        world.faults.append(Fault(command, err=words, times=times))

    def turn_controller(self, world: World) -> None:
        if world.site.controller == "up":
            world.site.controller = self.fate.rng.choice(["down", "frozen"])
        else:
            world.thaw()

    def turn_accounting(self, world: World) -> None:
        is_up = world.site.accounting == "up"
        world.site.accounting = "down" if is_up else "up"
        world.site.accounting_lag_s = self.fate.rng.choice([0.0, 3.0])

    def interrupt_a_job(self, world: World) -> None:
        running = [job for job in world.live() if job.started_at is not None]
        if running:
            job = self.fate.rng.choice(running)
            if self.fate.rng.choice([True, False]):
                world.requeue(job)
            else:
                world.preempt(job)

    def turn_node(self, world: World) -> None:
        node = self.fate.rng.choice(list(world.site.nodes))
        if world.site.nodes[node]:
            world.fail_node(node)
        else:
            world.resume_node(node)

    def turn_limit(self, world: World) -> None:
        world.site.max_submit_jobs = self.fate.rng.choice([None, 2, 4])

    def make_peace(self) -> None:
        """Let nothing go wrong any more, so that the experiment can end."""
        self.fate.is_over = True
        with self.slurm.world() as world:
            world.faults.clear()
            world.thaw()
            world.site.accounting, world.site.accounting_lag_s = "up", 0.0
            world.site.max_submit_jobs = None
            for node in world.site.nodes:
                world.resume_node(node)


class Reader:
    """Every result is the trial's index."""

    def read(
        self, trial_index: int, trial_metadata: Mapping[str, object]
    ) -> Mapping[str, Observation]:
        return {"loss": Observation(float(trial_index))}


def run(folder: Path, seed: int) -> tuple[Unlucky, Journal, int]:
    """Run an experiment to its end; return how many drivers it took."""
    fate = Fate(seed)
    unlucky = Unlucky(folder, fate)
    store = MortalStore(fate)
    fate.is_over = True
    Journal.begin(store, BEGUN)
    fate.is_over = False
    made = scripts(folder / "trials", TEMPLATE)
    limits = Limits(N_TRIALS, 6, fate.rng.choice([None, 2]), result_grace_s=60)
    for n_drivers in range(1, 500):
        if n_drivers > 60 or unlucky.now() - 1_800_000_000 > 4000:
            unlucky.make_peace()
        journal = Journal.load(store)
        driver = Driver(
            journal,
            SlurmRunner(made, unlucky.commands(), unlucky.now),
            Reader(),
            RandomService(),
            limits,
            unlucky,
        )
        try:
            stop = driver.run()
        except Killed:
            continue
        assert stop == Stop(f"all {N_TRIALS} trials have ended", True)
        return unlucky, journal, n_drivers
    raise AssertionError("it never ends")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_trial_runs_as_one_job_and_none_is_lost(
    tmp_path: Path, seed: int
) -> None:
    unlucky, journal, _ = run(tmp_path, seed)
    trials = journal.experiment.trials
    assert {trial.status for trial in trials} == {TrialStatus.COMPLETED}
    assert {len(trial.attempts) for trial in trials} == {1}
    unlucky.make_peace()  # and no ghost is left
    with unlucky.slurm.world() as world:
        jobs = Counter(job.full_name for job in world.jobs)
        ids = {job.job_id for job in world.jobs}
    assert [name for name, n in jobs.items() if n > 1] == []
    owned = {str((t.attempts[0].metadata or {})["job_id"]) for t in trials}
    assert ids == owned

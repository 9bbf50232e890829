"""Packs on a real one-host Slurm."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.runners.script.job_spec import Packing, SlurmValue
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from tests.support.runner_contract import poll_until, request, submit
from tests.support.slurm_support import TEMPLATE, RealSlurm, scripts

pytestmark = pytest.mark.slurm


class PackingSlurm(RealSlurm):
    """The one-host Slurm, with trials that share jobs."""

    @override
    def runner(self, template: str = TEMPLATE, **slurm: SlurmValue) -> SlurmRunner:
        options = {"time": "00:05:00", "mem": "100M", **slurm}
        made = scripts(self.folder, template, **options)
        made.spec = dataclasses.replace(made.spec, pack=Packing(10, 2))
        return SlurmRunner(made, SlurmCommands(self.environment))


@pytest.fixture
def slurm(tmp_path: Path, slurm_conf: Path) -> Iterator[PackingSlurm]:
    real = PackingSlurm(tmp_path / 'it\'s 100%j "a" $(rm) folder', slurm_conf)
    yield real
    real.cancel_all()


def test_a_pack_is_worked_off_and_each_trial_has_its_own_end(
    slurm: PackingSlurm,
) -> None:
    runner = slurm.runner()
    requests = [request(index, code=int(index == 2)) for index in range(5)]
    attempts = submit(runner, runner.plan(requests))
    states = poll_until(runner, attempts, Phase.ENDED)
    assert [states[a.key].cause for a in attempts] == [
        *(Cause.SUCCESS, Cause.SUCCESS, Cause.TRIAL, Cause.SUCCESS, Cause.SUCCESS)
    ]
    assert len(set(slurm.job_ids(attempts))) == 1
    assert sorted(slurm.runs()) == ["0", "1", "2", "3", "4"]
    log = Path(str((attempts[3].metadata or {})["folder"])) / "log.txt"
    assert log.read_text() == "ran 3\n"


def test_when_a_pack_is_cut_off_those_that_ended_keep_their_end(
    slurm: PackingSlurm,
) -> None:
    runner = slurm.runner()
    requests = [request(index, hold=index > 0) for index in range(4)]
    attempts = submit(runner, runner.plan(requests))
    poll_until(runner, attempts[:1], Phase.ENDED)
    poll_until(runner, attempts[1:3], Phase.RUNNING)
    (job_id,) = set(slurm.job_ids(attempts))
    node = slurm.run("squeue", "-h", "-j", job_id, "-o", "%N").strip()
    slurm.run("scontrol", "update", f"jobid={job_id}", "requeue=0")
    with slurm.failed_node(node):
        states = poll_until(runner, attempts, Phase.ENDED)
    causes = [states[attempt.key].cause for attempt in attempts]
    assert causes == [Cause.SUCCESS, *[Cause.INFRASTRUCTURE] * 3]
    assert "its turn had not come" in states[attempts[3].key].reason


def test_a_pack_that_slurm_runs_again_goes_on(slurm: PackingSlurm) -> None:
    runner = slurm.runner()
    requests = [request(index, hold=index > 0) for index in range(3)]
    attempts = submit(runner, runner.plan(requests))
    poll_until(runner, attempts[:1], Phase.ENDED)
    poll_until(runner, attempts[1:], Phase.RUNNING)
    slurm.run("scontrol", "requeue", slurm.job_ids(attempts)[0])
    slurm.release()
    states = poll_until(runner, attempts, Phase.ENDED)
    assert {states[attempt.key].cause for attempt in attempts} == {Cause.SUCCESS}
    assert slurm.runs().count("0") == 1


def test_steps_of_several_trials_run_beside_each_other(slurm: PackingSlurm) -> None:
    """Each would wait for all the others if it wanted the whole allocation."""
    template = "#!/bin/bash\ncd {{ directory }}\nexec srun -n1 bash -c " + (
        "'touch at.$HPCOPT_SLOT; until [[ -e at.0 && -e at.1 ]]; do sleep 0.1; done'\n"
    )
    runner = slurm.runner(template, ntasks=2)
    attempts = submit(runner, runner.plan([request(0), request(1)]))
    states = poll_until(runner, attempts, Phase.ENDED)
    assert {states[attempt.key].cause for attempt in attempts} == {Cause.SUCCESS}

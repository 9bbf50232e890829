"""How attempts become jobs, and that each is rendered once on the way."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import AttemptRequest, AttemptRunner, Submission
from hpcopt.runners.script.escalation import ResourceEscalation
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob
from hpcopt.runners.slurm.layouts import JobArray
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.runner_contract import request
from tests.support.slurm_support import scripts


def test_a_task_of_an_array_runs_its_attempt(tmp_path: Path) -> None:
    made = scripts(tmp_path / "it's a", "#!/bin/bash\n#SBATCH -n 2\npwd\n")
    requests = (request(4), request(5))
    submission = Submission("hpcopt:demo:4-5:0", requests, is_array=True)
    rendered = [made.render(request, submission.name) for request in requests]
    for each, job in zip(requests, rendered, strict=True):
        made.write(each, job)
    layout = JobArray(made)
    for _ in range(2):
        layout.write(submission, rendered)
    folder = layout.folder(submission)
    job_text = (folder / "job.sh").read_text()
    assert job_text.startswith("#!/bin/bash\n#SBATCH -n 2\n")
    environment = {
        **os.environ,
        "SLURM_ARRAY_JOB_ID": "12",
        "SLURM_ARRAY_TASK_ID": "1",
        "SLURM_JOB_ID": "12",
    }
    for cwd, runs_in in ((folder, made.folder(requests[1]).path), ("/", "/")):
        out = subprocess.run(
            ["bash", "-c", job_text],
            capture_output=True,
            text=True,
            env=environment,
            cwd=cwd,
        )
        assert out.stdout == f"{runs_in}\n"
        made.folder(requests[1]).ended.unlink()
    started = made.folder(requests[1]).read_started()
    assert started is not None
    assert started.job_id == "12_1"
    assert made.folder(requests[0]).read_started() is None


# Rendering

PLAIN = "#!/bin/bash\n#SBATCH --mem=1G\necho {{ trial.folder }}\n"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, int]]:
    """Count how often each attempt is rendered."""
    counts: Counter[tuple[int, int]] = Counter()
    render = JobScripts.render

    def counting(self: JobScripts, request: AttemptRequest, name: str) -> RenderedJob:
        counts[request.key] += 1
        return render(self, request, name)

    monkeypatch.setattr(JobScripts, "render", counting)
    return counts


def slurm_runner(folder: Path, template: str = PLAIN) -> SlurmRunner:
    slurm = FakeSlurm(folder)
    slurm.says("sbatch", "41")
    slurm.says("sinfo", "main* 20")
    made = scripts(folder / "e", template)
    made.spec = replace(made.spec, escalation=ResourceEscalation(memory=True))
    return SlurmRunner(made, slurm.commands())


def submit_all(runner: AttemptRunner, *requests: AttemptRequest) -> None:
    for submission in runner.plan(requests):
        runner.submit(submission)


def test_a_task_of_an_array_is_rendered_once(
    tmp_path: Path, rendered: Counter[tuple[int, int]]
) -> None:
    submit_all(slurm_runner(tmp_path), request(0), request(1), request(5))
    assert rendered == {(0, 0): 1, (1, 0): 1, (5, 0): 1}


def test_a_retry_with_more_on_other_nodes_is_rendered_once(
    tmp_path: Path, rendered: Counter[tuple[int, int]]
) -> None:
    adjustment = Adjustment(memory=2.0, avoid=("n1", "n2"))
    again = replace(request(0, 1), adjustment=adjustment)
    runner = slurm_runner(tmp_path)
    (submission,) = runner.plan([again])
    (metadata,) = runner.submit(submission)
    assert metadata["options"] == {"mem": "2048M", "exclude": "n1,n2"}
    assert rendered == {(0, 1): 1}


def test_a_local_trial_is_rendered_once(
    tmp_path: Path, rendered: Counter[tuple[int, int]]
) -> None:
    runner = LocalRunner(scripts(tmp_path / "e", PLAIN), max_processes=0)
    submit_all(runner, request(0), request(1))
    assert rendered == {(0, 0): 1, (1, 0): 1}


def test_tasks_of_an_array_say_the_name_of_the_array(tmp_path: Path) -> None:
    runner = slurm_runner(tmp_path, f"{PLAIN}echo {{{{ trial.name }}}}\n")
    (submission,) = runner.plan([request(0), request(1)])
    runner.submit(submission)
    paths = tmp_path.glob("e/experiment/trials/*/attempt-0/script.sh")
    assert [submission.name in path.read_text() for path in paths] == [True] * 2

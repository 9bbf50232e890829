"""Trials on this machine that end when and as the test says."""

from __future__ import annotations

from pathlib import Path

from hpcopt.core.trials.trial import Attempt
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.job_script import JobScripts
from tests.support.job_specs import job_spec
from tests.support.runner_contract import submit

TEMPLATE = """\
#!/bin/bash
cd {{ directory }}
echo "$HPCOPT_TRIAL_INDEX" >> runs
if [[ {{ hold }} == yes ]]; then
    while [[ ! -e release ]]; do sleep 0.02; done
fi
exit {{ code }}
"""


class LocalWorld:
    """Trials on this machine, in a folder with a name that is hard on shells."""

    def __init__(self, folder: Path, template: str = TEMPLATE) -> None:
        self.folder = folder / 'it\'s a $(rm) "%j"\nfolder'
        self.folder.mkdir()
        (self.folder / "t.sbatch").write_text(template)

    def scripts(self, **slurm: str) -> JobScripts:
        template = self.folder / "t.sbatch"
        spec = job_spec(template, self.folder, command=None, directory=".", slurm=slurm)
        return JobScripts("demo", self.folder / "demo", spec)

    def runner(self) -> LocalRunner:
        return LocalRunner(self.scripts())

    def release(self) -> None:
        (self.folder / "release").touch()

    def runs(self) -> list[int]:
        """Return the indices of the trials that ran, once for each time."""
        runs = self.folder / "runs"
        return [int(line) for line in runs.read_text().split()] if runs.exists() else []


def run(runner: LocalRunner, *requests: AttemptRequest) -> list[Attempt]:
    """Submit the requests, and return their attempts."""
    return submit(runner, runner.plan(requests))

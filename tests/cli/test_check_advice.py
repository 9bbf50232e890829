"""What ``check`` says of a job that Slurm would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcopt.core.errors import SubmissionRefusedError
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.runner_contract import request
from tests.support.slurm_support import scripts


@pytest.mark.parametrize(
    ("code", "said", "key"),
    [
        (1, "Invalid account or account/partition combination specified", "account"),
        (1, "Invalid qos specification", "qos"),
        (1, "Invalid partition name specified", "partition"),
        (1, "Requested reservation is invalid", "reservation"),
        (1, "Invalid feature specification", "constraint"),
        (1, "Invalid generic resource (gres) specification", "gres"),
        (1, "Requested node configuration is not available", "fewer nodes"),
        (1, "Requested time limit is invalid (missing or exceeds some limit)", "time"),
        (255, "sbatch: unrecognized option '--nonsense=1'", "job.slurm"),
        (255, "sbatch: error: Invalid --time specification", "correct the value"),
    ],
)
def test_a_refusal_is_one_sentence_with_what_to_do(
    code: int, said: str, key: str, tmp_path: Path
) -> None:
    slurm = FakeSlurm(tmp_path)
    slurm.says("sbatch", "", code=code, err=f"allocation failure: {said}")
    runner = SlurmRunner(scripts(tmp_path / "e"), slurm.commands())
    with pytest.raises(SubmissionRefusedError) as caught:
        runner.validate(request(0))
    sentence = str(caught.value)
    assert sentence.startswith(f"sbatch --test-only exited {code}: ")
    assert said in sentence
    assert key in sentence.rpartition("; ")[2]
    assert "\n" not in sentence

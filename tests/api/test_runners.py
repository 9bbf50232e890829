from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from hpcopt.api.runners import local_runner, slurm_runner
from hpcopt.core.errors import ConfigError
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.slurm.runner import SlurmRunner


def test_the_client_makes_runners_of_its_own_experiment(tmp_path: Path) -> None:
    slurm = slurm_runner(["simulate", "{{ x }}"], slurm={"partition": "main"})
    local = local_runner(["simulate", "{{ x }}"], time_limit="10", max_processes=2)
    assert isinstance(slurm.build("bowl", tmp_path, time.time), SlurmRunner)
    assert isinstance(local.build("bowl", tmp_path, time.time), LocalRunner)


def test_what_is_relative_is_relative_to_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.sbatch").write_text("#!/bin/bash\ntrue\n")
    spec = slurm_runner(template="mine.sbatch").spec
    assert spec.template == tmp_path / "mine.sbatch"
    assert spec.config_folder == tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command": ["a"], "function": "b:c"}, "either command or function"),
        ({"command": []}, "expected at least one word"),
        ({"function": "simulate"}, "expected 'module:function', found 'simulate'"),
        ({"command": ["a"], "slurm": {"job_name": "b"}}, "sets this option itself"),
        ({"command": ["a"], "template": "none.sbatch"}, "neither for 'none.sbatch'"),
        ({"command": ["a"], "at_once": 0}, "^at_once: expected at least 1, found 0"),
    ],
    ids=["both", "empty", "function", "managed", "template", "pack"],
)
def test_a_job_that_makes_no_sense_is_refused_where_it_is_written(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        slurm_runner(**arguments)

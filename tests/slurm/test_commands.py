"""The door to Slurm's commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcopt.core.errors import ConfigError, PollError, RunnerError
from hpcopt.slurm.commands import SlurmCommands, scrubbed
from hpcopt.slurm.site import describe, is_available
from hpcopt.testing.fake_slurm import FakeSlurm


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    return FakeSlurm(tmp_path)


def test_a_command_sees_nothing_of_the_job_that_the_driver_runs_in() -> None:
    environment = {
        "HOME": "/h",
        "SLURM_CONF": "/c",
        "SLURM_JOB_ID": "1",
        "SLURM_CPU_BIND": "none",
        "SBATCH_PARTITION": "p",
        "SQUEUE_FORMAT": "%i",
        "SRUN_CPUS_PER_TASK": "2",
        "PMIX_RANK": "0",
    }
    assert scrubbed(environment) == {"HOME": "/h", "SLURM_CONF": "/c"}


def test_a_query_is_answered_for_programs_and_sbatch_hands_nothing_on(
    slurm: FakeSlurm,
) -> None:
    shown = 'echo "$LC_ALL $SLURM_TIME_FORMAT $SLURM_BITSTR_LEN"'
    slurm.replace("squeue", shown)
    slurm.replace("sbatch", shown)
    commands = SlurmCommands({**slurm.environment, "LC_ALL": "de_DE"})
    assert commands.query("squeue", []).strip() == "C %s 0"
    assert commands.dry_run([]).out.strip() == "de_DE"


def test_calls_are_counted_by_command(slurm: FakeSlurm) -> None:
    commands = slurm.commands()
    for command in ("squeue", "sacct", "squeue"):
        commands.query(command, [])
    assert commands.calls == {"squeue": 2, "sacct": 1}


def test_a_failure_is_told_in_the_words_of_the_command(slurm: FakeSlurm) -> None:
    slurm.says("squeue", "", code=3, err="no\nway")
    with pytest.raises(PollError, match="squeue exited 3: no; way"):
        slurm.commands().query("squeue", [])


def test_a_missing_command_is_a_failed_poll(tmp_path: Path) -> None:
    commands = SlurmCommands({"PATH": str(tmp_path)})
    with pytest.raises(PollError, match="sacct cannot be run: No such file"):
        commands.query("sacct", [])


def test_slurm_is_available_where_a_controller_answers(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slurm.says("scontrol", "Slurmctld(primary) at host is UP\n")
    monkeypatch.setenv("PATH", str(slurm.bin))
    monkeypatch.delenv("SLURM_CONF")
    assert is_available()
    slurm.says("scontrol", "", code=1, err="Could not establish a configuration source")
    assert not is_available()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not is_available()


def test_a_slurm_that_does_not_answer_is_not_taken_for_none(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(slurm.bin))
    with pytest.raises(ConfigError, match="SLURM_CONF: expected a file, found none"):
        is_available()
    monkeypatch.delenv("SLURM_CONF")
    slurm.says("scontrol", "Slurmctld(primary) at host is DOWN\n", code=1)
    with pytest.raises(RunnerError, match="but it is down"):
        is_available()
    slurm.says("scontrol", "", code=1, err="slurm_load: socket timed out")
    with pytest.raises(RunnerError, match="scontrol exited 1: slurm_load"):
        is_available()


def test_a_site_is_described_by_its_configuration(slurm: FakeSlurm) -> None:
    slurm.says(
        "scontrol",
        "AccountingStorageType = accounting_storage/none\nMaxArraySize = 11\n"
        "MessageTimeout = 60 sec\nMinJobAge = 2 sec\nSLURM_VERSION = 24.05.1\n",
    )
    slurm.says("sinfo", "main\nmain\ngpu\n")
    site = describe(slurm.commands())
    assert not site.has_accounting
    assert site.max_array_size == 11
    assert (site.message_timeout_s, site.min_job_age_s) == (60, 2)
    assert (site.version, site.partitions) == ("24.05.1", ("main", "gpu"))

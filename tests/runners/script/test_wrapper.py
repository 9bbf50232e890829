from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hpcopt.host.durable import write_text_durably
from hpcopt.runners.script.attempt_folder import AttemptFolder
from hpcopt.runners.script.exit_status import CANNOT_WRITE, disk_was_full
from hpcopt.runners.script.wrapper import wrapper
from tests.support.waiting import PATIENCE_S, wait_until

#: Says which signals it gets, and ends with 7 when told to.
LISTENER = """#!/bin/bash
for signal in TERM INT HUP USR1 USR2 CONT; do
    trap "echo $signal >> heard" $signal
done
echo > listening
while [[ ! -e end ]]; do sleep 0.02; done
exit 7
"""


class Wrapped:
    """A script in a wrapper, in a folder with a name that is hard on shells."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / 'it\'s a $(rm) "%j"\nfolder'
        self.path.mkdir()
        self.folder = AttemptFolder(self.path)
        self.environment = {"PATH": os.environ["PATH"], "HPCOPT_JOB_ID": "12"}

    def begin(self, script: str, **variables: str) -> subprocess.Popen[str]:
        write_text_durably(self.folder.script, script, mode=0o755)
        variables["HPCOPT_TRIAL_FOLDER"] = str(self.path)
        self.folder.job.write_text(wrapper((), variables, "/my modules"))
        return subprocess.Popen(
            ["bash", str(self.folder.job)],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, **variables: str) -> tuple[int, str]:
        process = self.begin(script, **variables)
        output, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output

    def wait_for(self, name: str) -> None:
        wait_until((self.path / name).exists)


@pytest.fixture
def wrapped(tmp_path: Path) -> Wrapped:
    return Wrapped(tmp_path)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_is_recorded_and_passed_on(wrapped: Wrapped, code: int) -> None:
    assert wrapped.run(f"#!/bin/bash\nexit {code}\n") == (code, "")
    assert wrapped.folder.read_ended() == code
    assert sorted(path.name for path in wrapped.path.iterdir()) == [
        "ended",
        "job.sh",
        "script.sh",
        "started",
    ]


def test_started_tells_the_process_of_the_wrapper(wrapped: Wrapped) -> None:
    process = wrapped.begin("#!/bin/bash\ncat /proc/$PPID/stat\n")
    output, _ = process.communicate(timeout=PATIENCE_S)
    started = wrapped.folder.read_started()
    assert started is not None
    assert started.job_id == "12"
    assert started.host == os.uname().nodename
    assert started.pid == process.pid
    assert started.boot_id in Path("/proc/sys/kernel/random/boot_id").read_text()
    assert started.start_time == output.rpartition(")")[2].split()[19]


def test_the_script_gets_the_trial_s_environment(wrapped: Wrapped) -> None:
    wrapped.environment |= {"PYTHONPATH": "/theirs", "SLURM_CPUS_PER_TASK": "4"}
    script = (
        "#!/bin/bash\nenv -0 | sort -z | grep -zE '^(HPC|ODD|PYT|SRUN)' | tr '\\0' ';'"
    )
    odd = "it's $(ls)\n\\é"
    _, output = wrapped.run(script, ODD=odd)
    assert output.rstrip(";").split(";") == [
        f"HPCOPT_TRIAL_FOLDER={wrapped.path}",
        f"ODD={odd}",
        "PYTHONPATH=/my modules:/theirs",
        "SRUN_CPUS_PER_TASK=4",
    ]


def test_a_script_that_cannot_be_run_has_an_exit_code_too(wrapped: Wrapped) -> None:
    code, output = wrapped.run("#!/no/such/shell\n")
    assert code == wrapped.folder.read_ended() != 0
    assert "script.sh" in output


def test_a_second_job_for_the_attempt_leaves(wrapped: Wrapped) -> None:
    wrapped.run("#!/bin/bash\nexit 3\n")
    started = wrapped.folder.read_started()
    wrapped.environment["HPCOPT_JOB_ID"] = "13"
    code, output = wrapped.run("#!/bin/bash\necho again\n")
    assert code == 0
    assert output == "hpcopt: job 12 runs or ran this attempt already; job 13 leaves\n"
    assert wrapped.folder.read_started() == started
    assert wrapped.folder.read_ended() == 3


def test_a_requeued_job_runs_again_and_takes_its_old_end_back(wrapped: Wrapped) -> None:
    wrapped.run("#!/bin/bash\nexit 3\n")
    process = wrapped.begin(LISTENER)
    wrapped.wait_for("listening")
    assert wrapped.folder.read_ended() is None
    started = wrapped.folder.read_started()
    assert started is not None
    assert started.pid == process.pid
    (wrapped.path / "end").touch()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert output == f"hpcopt: job 12 runs again, on {started.host}\n"
    assert wrapped.folder.read_ended() == 7


def test_a_requeued_job_that_has_succeeded_does_not_run_again(wrapped: Wrapped) -> None:
    wrapped.run("#!/bin/bash\n")
    code, output = wrapped.run("#!/bin/bash\necho again\n")
    assert code == 0
    assert output == (
        "hpcopt: job 12 has run this attempt to its end already, and leaves\n"
    )
    assert wrapped.folder.read_ended() == 0


def test_a_requeued_job_that_saved_its_state_at_a_signal_runs_again(
    wrapped: Wrapped,
) -> None:
    wrapped.run("#!/bin/bash\n")
    wrapped.folder.ended.write_text("0 TERM\n")
    _, output = wrapped.run("#!/bin/bash\necho again\n")
    assert output.endswith("\nagain\n")
    assert (wrapped.folder.read_ended(), wrapped.folder.read().last_signal) == (0, "")


@pytest.mark.parametrize(
    ("variables", "job_id"),
    [
        ({"SLURM_JOB_ID": "9"}, "9"),
        (
            {
                "SLURM_JOB_ID": "9",
                "SLURM_ARRAY_JOB_ID": "7",
                "SLURM_ARRAY_TASK_ID": "0",
            },
            "7_0",
        ),
        ({"SLURM_JOB_ID": "9", "HPCOPT_JOB_ID": "local"}, "local"),
    ],
    ids=["job", "array-task", "local-within-a-job"],
)
def test_the_job_id_is_who_started_it(
    wrapped: Wrapped, variables: dict[str, str], job_id: str
) -> None:
    del wrapped.environment["HPCOPT_JOB_ID"]
    wrapped.environment |= variables
    wrapped.run("#!/bin/bash\n")
    started = wrapped.folder.read_started()
    assert started is not None
    assert started.job_id == job_id


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1", "USR2", "CONT"])
def test_a_signal_is_forwarded_and_the_end_is_awaited(
    wrapped: Wrapped, name: str
) -> None:
    process = wrapped.begin(LISTENER)
    wrapped.wait_for("listening")
    for _ in range(3):
        (wrapped.path / "heard").unlink(missing_ok=True)
        process.send_signal(signal.Signals[f"SIG{name}"])
        wrapped.wait_for("heard")
        wait_until(lambda: (wrapped.path / "heard").read_text() == f"{name}\n")
    assert not wrapped.folder.ended.exists()
    (wrapped.path / "end").touch()
    assert process.communicate(timeout=PATIENCE_S)[0] == ""
    assert process.returncode == wrapped.folder.read_ended() == 7


def test_a_script_that_a_signal_ends_has_128_and_its_number(wrapped: Wrapped) -> None:
    process = wrapped.begin("#!/bin/bash\necho > listening\nexec sleep 600\n")
    wrapped.wait_for("listening")
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == wrapped.folder.read_ended() == 128 + signal.SIGTERM


def test_a_signal_is_told_beside_the_exit_code(wrapped: Wrapped) -> None:
    process = wrapped.begin(
        "#!/bin/bash\ntrap 'exit 0' TERM\necho > listening\n"
        "while :; do sleep 0.02; done\n"
    )
    wrapped.wait_for("listening")
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == wrapped.folder.read_ended() == 0
    assert wrapped.folder.read().last_signal == "TERM"


def test_a_signal_to_all_processes_at_once_loses_no_exit_code(wrapped: Wrapped) -> None:
    for number in range(20):
        (wrapped.path / "pid").unlink(missing_ok=True)
        wrapped.environment["HPCOPT_JOB_ID"] = str(number)
        wrapped.folder.started.unlink(missing_ok=True)
        process = wrapped.begin("#!/bin/bash\necho $$ > pid\nexec sleep 600\n")
        wrapped.wait_for("pid")
        wait_until((wrapped.path / "pid").read_text)
        pids = [process.pid, int((wrapped.path / "pid").read_text())]
        for pid in pids if number % 2 else reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == wrapped.folder.read_ended() == 128 + signal.SIGTERM


def test_a_stopped_script_has_not_ended(wrapped: Wrapped) -> None:
    process = wrapped.begin("#!/bin/bash\necho $$ > pid\nkill -STOP $$\nexit 3\n")
    wrapped.wait_for("pid")
    wait_until((wrapped.path / "pid").read_text)
    stat = Path(f"/proc/{(wrapped.path / 'pid').read_text().strip()}/stat")
    wait_until(lambda: ") T " in stat.read_text())
    assert not wrapped.folder.ended.exists()
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE_S)
    assert wrapped.folder.read_ended() == 3


def test_a_signal_that_comes_before_the_script_is_kept(wrapped: Wrapped) -> None:
    wrapped.folder.started.touch()  # the wrapper waits for another one to write in it
    process = wrapped.begin("#!/bin/bash\nexec sleep 600\n")
    term = 1 << (signal.SIGTERM - 1)

    def has_trap() -> bool:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return bool(int(status.partition("SigCgt:")[2].split()[0], 16) & term)

    wait_until(has_trap)
    process.terminate()
    wrapped.folder.started.write_text("12 of an earlier run\n")
    process.communicate(timeout=PATIENCE_S)
    assert wrapped.folder.read_ended() == 128 + signal.SIGTERM


def test_a_run_that_was_replaced_elsewhere_records_no_end(wrapped: Wrapped) -> None:
    process = wrapped.begin(LISTENER)
    wrapped.wait_for("listening")
    wrapped.folder.started.write_text("12 elsewhere 1 boot 2\n")
    (wrapped.path / "end").touch()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert "begun again elsewhere; exit code 7 is not recorded" in output
    assert not wrapped.folder.ended.exists()


def test_a_folder_that_cannot_be_written_is_a_failure_without_traces(
    wrapped: Wrapped, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").symlink_to("/bin/true")
    wrapped.environment["PATH"] = f"{tmp_path}/bin:{wrapped.environment['PATH']}"
    wrapped.folder.started.touch()  # as when the disk is full
    code, output = wrapped.run("#!/bin/bash\necho ran\n")
    assert code == CANNOT_WRITE
    assert disk_was_full(wrapped.folder, code)
    assert "is the disk full, or the quota used up?" in output
    assert "ran" not in output
    assert not wrapped.folder.ended.exists()

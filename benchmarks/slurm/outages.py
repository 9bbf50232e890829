"""The accounting is away for good, the controller for minutes.

scripts/bench slurm/outages --minutes 2

Four experiments on the one-host Slurm, each with one trial that is killed by SIGKILL:
without slurmdbd from beginning to end; with slurmctld dead for a while in the middle;
with an accounting that says that it is switched off; and with no sacct at all. Each has
to complete with one failed trial, the right one, and no other verdict than a success
may be given while the controller is away. Two more jobs are watched closely: killed by
SIGKILL without an accounting, they must be declared within two polls of their end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.slurm.chaos.case import Case, Cluster, conclude, until
from hpcopt.core.events import AttemptEnded
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase, TrialStatus
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import JobSpec
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.storage.journal_file import JournalFile

#: The trial that is killed.
KILLED = 2

SWITCHED_OFF = "#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2\nexit 1\n"
CLIENTS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")

#: It says that it runs: a job is said to run before its script has begun.
SLEEPER = "#!/bin/bash\n: > begun\nsleep 600\n"

#: Within how many polls the end of a killed job is to be known.
MAX_POLLS = 2


def without_accounting(folder: Path, sacct: str) -> dict[str, str]:
    """Return an environment in which there is this sacct, or none at all."""
    commands = folder / "commands"
    commands.mkdir()
    for command in CLIENTS:
        (commands / command).symlink_to(shutil.which(command) or command)
    if sacct:
        (commands / "sacct").write_text(sacct)
        (commands / "sacct").chmod(0o755)
    # All else that a job needs, but not what lies beside Slurm's commands.
    for command in ("bash", "sleep", "cp", "mv", "uname", "sync", "rm"):
        (commands / command).symlink_to(shutil.which(command) or command)
    return {**os.environ, "PATH": str(commands)}


def finish(case: Case, driver: subprocess.Popen[bytes]) -> list[str]:
    """Wait for the driver and return what is wrong."""
    found = case.finish(driver)
    failed = [
        trial.index
        for trial in case.experiment.trials
        if trial.status is TrialStatus.FAILED
    ]
    if failed != [KILLED]:
        found.append(f"{case.folder}: expected trial {KILLED} to fail, found {failed}")
    return found


def events(case: Case) -> list[AttemptEnded]:
    path = case.folder / "experiments" / case.name / "journal.jsonl"
    journal = JournalFile.open_for_reading(path)
    return [event for event in journal.read() if isinstance(event, AttemptEnded)]


def n_runs(case: Case) -> int:
    return len((case.folder / "runs").read_text().splitlines())


def controller_away(cluster: Cluster, n_trials: int, minutes: float) -> list[str]:
    """Run an experiment in whose middle slurmctld is dead for a while."""
    case = Case(
        cluster, max_trials=n_trials, parallelism=4, seconds=(45,), fails=KILLED
    )
    driver = case.start()
    until((case.folder / "runs").exists, 60)
    # A controller that is killed starts again the jobs whose start it has not saved.
    until(lambda: n_runs(case) == 4, 60)
    begun = time.time()
    saved = cluster.base / "state" / "job_state"
    until(lambda: saved.stat().st_mtime > begun + 1, 60)
    with cluster.dead("slurmctld"):
        begun = time.time()
        time.sleep(60 * minutes)
        ended = time.time()
    found = finish(case, driver)
    found += case.violations(n_failed=1, may_requeue=True)
    return found + [
        f"{case.folder}: a verdict while slurmctld was away: {event}"
        for event in events(case)
        if begun <= event.time <= ended and event.cause is not Cause.SUCCESS
    ]


def database_away(cluster: Cluster, n_trials: int) -> list[str]:
    """Run an experiment during all of which slurmdbd is dead."""
    case = Case(cluster, max_trials=n_trials, parallelism=4, fails=KILLED)
    with cluster.dead("slurmdbd"):
        found = finish(case, case.start())
    # The controller hands on what happened meanwhile.
    until(lambda: len(case.jobs()) >= n_trials, 60)
    return found + case.violations(n_failed=1)


def accounting_absent(cluster: Cluster, n_trials: int, sacct: str) -> list[str]:
    """Run an experiment where no accounting can be asked."""
    case = Case(cluster, max_trials=n_trials, parallelism=4, fails=KILLED)
    environment = without_accounting(case.folder, sacct)
    found = finish(case, case.start(environment=environment))
    return found + case.violations(n_failed=1)


def verdict(
    cluster: Cluster, environment: Mapping[str, str]
) -> tuple[int, AttemptState]:
    """Return after how many polls a killed job was said to have ended, and what of it.

    The job's script has begun before it is killed: what Slurm makes of a job that is
    killed while it is launched is another question.
    """
    folder = Path(tempfile.mkdtemp(prefix="hpcopt-outages-"))
    (folder / "t.sbatch").write_text(SLEEPER)
    spec = JobSpec(
        template=folder / "t.sbatch",
        command=None,
        function=None,
        directory=".",
        setup=(),
        environment={},
        slurm={"time": "00:10:00", "mem": "10M"},
        config_folder=folder,
    )
    scripts = JobScripts(folder.name, folder / "experiment", spec)
    runner = SlurmRunner(scripts, SlurmCommands(environment))
    (submission,) = runner.plan([AttemptRequest(0, 0, {})])
    (metadata,) = runner.submit(submission)
    attempts = [Attempt(0, 0, submission.name, metadata=metadata)]
    until((folder / "begun").exists, 60)
    job_id = str(metadata["job_id"])
    cluster.ask("scancel", "--batch", "--signal=KILL", job_id)
    ask = ("squeue", "-h", "-t", "all", "-o", "%T", "-j", job_id)
    until(lambda: cluster.ask(*ask).strip() == "FAILED", 60)
    n_polls = 0
    while True:
        state = runner.poll(attempts)[0, 0]
        n_polls += 1
        if state.phase is Phase.ENDED or n_polls > 5 * MAX_POLLS:
            return n_polls, state
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--without", default="", metavar="WORD", help="leave out")
    options = parser.parse_args()
    cluster = Cluster()
    rows: list[tuple[str, object]] = []
    found: list[str] = []
    outages: dict[str, Callable[[], list[str]]] = {
        "slurmdbd dead for the whole experiment": lambda: database_away(
            cluster, options.trials
        ),
        f"slurmctld dead for {options.minutes:g} min in the middle": (
            lambda: controller_away(cluster, options.trials, options.minutes)
        ),
        "sacct says that the accounting is disabled": lambda: accounting_absent(
            cluster, options.trials, SWITCHED_OFF
        ),
        "there is no sacct": lambda: accounting_absent(cluster, options.trials, ""),
    }
    for what, run in outages.items():
        if options.without and options.without in what:
            continue
        begun = time.monotonic()
        wrong = run()
        word = "wrong" if wrong else "complete, 1 failed"
        rows.append((what, f"{word} ({time.monotonic() - begun:.0f} s)"))
        found += wrong
    for what, sacct in (("accounting disabled", SWITCHED_OFF), ("no sacct", "")):
        folder = Path(tempfile.mkdtemp(prefix="hpcopt-outages-"))
        n_polls, state = verdict(cluster, without_accounting(folder, sacct))
        rows.append((f"polls until a killed job was declared, {what}", n_polls))
        if n_polls > MAX_POLLS or state.cause is not Cause.TRIAL:
            found.append(f"{what}: after {n_polls} polls {state}")
    conclude(f"Outages, {options.trials} trials each", rows, found)


if __name__ == "__main__":
    main()

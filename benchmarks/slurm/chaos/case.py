"""What the chaos benchmarks share: the one-host Slurm, cheap trials, and the checks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy

from benchmarks.common.paths import ROOT, command
from benchmarks.common.provenance import headline
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.experiment.folder import read_experiment

#: A trial writes down that it ran, takes its time, and gives the result that was laid
#: out for it: a copy, so that a trial costs no Python on a small machine.
PROGRAM = """\
echo "$1 $HPCOPT_ATTEMPT ${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" >> runs
read -r -a seconds <<< "$SECONDS_PER_TRIAL"
sleep "${seconds[$1 % ${#seconds[@]}]}"
if [[ -n $FAILS && $1 == "$FAILS" ]]; then
    read -r _ _ job _ < "$2/started"
    kill -KILL "$job"
    sleep 60
fi
if ! cp "results/$1.h5" "$2/result.tmp"; then
    rm -f "$2/result.tmp"
    exit 1
fi
mv "$2/result.tmp" "$2/result.h5"
"""

#: How long an experiment may take.
PATIENCE_S = 900

CONFIG = """\
name: {name}
parameters:
  - {{name: x, type: range, bounds: [0, 1]}}
objective: "-loss"
metrics:
  - {{name: loss, file: result.h5, dataset: /loss}}
job:
  command: [bash, program.sh, "{{{{ trial.index }}}}", "{{{{ trial.folder }}}}"]
  environment: {{SECONDS_PER_TRIAL: "{seconds}", FAILS: "{fails}"}}
  slurm: {{time: "{time_limit}", mem: 10M{options}}}
  on: {{time: {{retry: 1, factor: 2}}}}
run:
  max_trials: {max_trials}
  parallelism: {parallelism}
  max_queued_jobs: {max_queued_jobs}
  tolerated_trial_failure_rate: 1.0
  initial_seconds_between_polls: 0.2
generation: {{method: sobol}}
driver: {{slurm: {{time: "00:02:00", mem: 500M, cpus_per_task: 1}}}}
"""


class Cluster:
    """The one-host Slurm of scripts/slurm-dev, and power over its daemons."""

    def __init__(self) -> None:
        conf = os.environ.get("SLURM_CONF")
        if not conf or not (Path(conf).parent / "settings").exists():
            sys.exit(
                "expected SLURM_CONF to name the slurm.conf of scripts/slurm-dev, "
                f'found {conf!r}; scripts/slurm-dev up; eval "$(scripts/slurm-dev env)"'
            )
        self.base = Path(conf).parent

    def ask(self, *command: str) -> str:
        """Return what a command says; nothing if it fails."""
        return subprocess.run(
            command, check=False, capture_output=True, text=True
        ).stdout

    def pid(self, daemon: str) -> int:
        return int((self.base / "run" / f"{daemon}.pid").read_text())

    @contextmanager
    def frozen(self, daemon: str) -> Iterator[None]:
        pid = self.pid(daemon)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def dead(self, daemon: str) -> Iterator[None]:
        """Have a daemon be killed, and started again in the end."""
        pid = self.pid(daemon)
        os.kill(pid, signal.SIGKILL)
        try:
            yield
        finally:
            self.repair()

    def repair(self) -> None:
        """Start what has died."""
        state = os.environ.get("HPCOPT_SLURM_DEV", str(self.base.parent))
        subprocess.run(
            [str(ROOT / "scripts" / "slurm-dev"), "up"],
            env={**os.environ, "HPCOPT_SLURM_DEV": state},
            check=True,
            capture_output=True,
        )


class Case:
    """An experiment in a folder of its own, driven by ``chaos/driver.py``."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        max_trials: int,
        parallelism: int = 6,
        max_queued_jobs: int | None = None,
        seconds: Sequence[float] = (0.5,),
        fails: int | None = None,
        result_bytes: int = 0,
        time_limit: str = "00:10:00",
        options: str = "",
    ) -> None:
        """Lay an experiment out.

        Args:
            cluster: Where it runs.
            max_trials: How many trials it has.
            parallelism: How many of them may be live at once.
            max_queued_jobs: How many of these may wait.
            seconds: How long trials take, in turn.
            fails: The trial that is killed by SIGKILL.
            result_bytes: How much a result holds beside the one number.
            time_limit: Of a trial, as sbatch takes it.
            options: More options of sbatch, as YAML that begins with a comma.
        """
        self.cluster = cluster
        self.max_trials = max_trials
        self.folder = Path(tempfile.mkdtemp(prefix="hpcopt-chaos-"))
        self.name = f"chaos-{os.getpid()}-{random.randrange(10**6)}"
        self.config = self.folder / "case.yaml"
        self._settings: dict[str, object] = {
            "name": self.name,
            "seconds": " ".join(map(str, seconds)),
            "fails": "" if fails is None else fails,
            "max_trials": max_trials,
            "time_limit": time_limit,
            "options": options,
            "max_queued_jobs": "null" if max_queued_jobs is None else max_queued_jobs,
        }
        self.run_at_once(parallelism)
        (self.folder / "program.sh").write_text(PROGRAM)
        (self.folder / "results").mkdir()
        for index in range(max_trials):
            with h5py.File(self.folder / "results" / f"{index}.h5", "w") as file:
                file["loss"] = float(index)
                if result_bytes:
                    file["field"] = numpy.zeros(result_bytes, numpy.uint8)

    def run_at_once(self, parallelism: int) -> None:
        """Have the next driver run so many trials at a time."""
        self.config.write_text(CONFIG.format(parallelism=parallelism, **self._settings))

    @property
    def experiment(self) -> Experiment:
        return read_experiment(self.folder / "experiments" / self.name)

    def start(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a driver; what it says goes to a file."""
        with (self.folder / "drivers.log").open("ab") as log:
            return subprocess.Popen(
                command("slurm/chaos/driver", str(self.config), *options),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def run(self) -> subprocess.Popen[bytes]:
        """Start ``hpcopt run``; what it says goes to the same file."""
        with (self.folder / "drivers.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "hpcopt", "run", str(self.config), "--slurm"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def finish(self, driver: subprocess.Popen[bytes]) -> list[str]:
        """Wait until the driver ends, and return what is wrong with that."""
        try:
            code = driver.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            driver.kill()
            return [f"{self.folder}: not complete after {PATIENCE_S} s"]
        return [] if code == 0 else [f"{self.folder}: the driver exited {code}"]

    def log(self) -> str:
        return (self.folder / "drivers.log").read_text()

    def jobs(self) -> dict[tuple[str, str], set[str]]:
        """Return the ids of trials' jobs in ``sacct -D`` by name and array task.

        A job that Slurm requeues has several rows, with one id.
        """
        listing = self.cluster.ask(
            *("sacct", "-D", "-X", "-n", "-P", "-S", "now-3hours"),
            *("-o", "JobName,JobID"),
        )
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for line in listing.splitlines():
            name, _, job_id = line.partition("|")
            own = f"hpcopt:{self.name}:"
            if name.startswith(own) and not name.startswith(f"{own}driver:"):
                found[name, job_id.partition("_")[2]].add(job_id)
        return found

    def job_ids(self) -> set[str]:
        return {job_id for ids in self.jobs().values() for job_id in ids}

    def violations(self, *, n_failed: int = 0, may_requeue: bool = False) -> list[str]:
        """Return what is wrong with an experiment that is complete.

        Args:
            n_failed: How many trials were to fail.
            may_requeue: Whether Slurm itself may have run a job once more, as it does
                with one whose end it was not told.
        """
        experiment = self.experiment
        found = []
        count = experiment.count(TrialStatus.COMPLETED)
        if count != self.max_trials - n_failed:
            found.append(f"{count} trials are completed, of {self.max_trials}")
        found += [
            f"trial {trial.index} has the result {trial.outcome}"
            for trial in experiment.completed_trials()
            if trial.outcome["loss"].mean != trial.index
        ]
        # The accounting hears of jobs late, and later after it was away.
        until(self.jobs, 60)
        jobs = self.jobs()
        if not jobs:
            found.append("sacct -D has no job by the names that are looked for")
        doubled = [job for job, ids in jobs.items() if len(ids) > 1]
        found += [f"sacct -D has {name} {task} twice" for name, task in doubled]
        path = self.folder / "runs"
        lines = path.read_text().splitlines() if path.exists() else []
        # Each line is a trial, its attempt and the job.
        seen = set(lines) if may_requeue else lines
        runs = Counter(" ".join(line.split()[:2]) for line in seen)
        found += [f"attempt {key} ran {n} times" for key, n in runs.items() if n > 1]
        owned = {
            str((attempt.metadata or {}).get("job_id"))
            for trial in experiment.trials
            for attempt in trial.attempts
        }
        found += [f"no attempt owns job {i}" for i in self.job_ids() - owned]
        return found


def until(is_so: Callable[[], object], seconds: float) -> bool:
    """Wait until a function returns something true; return whether it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def conclude(title: str, rows: Sequence[tuple[str, object]], found: list[str]) -> None:
    """Print the table and what is wrong, and exit with 1 if anything is."""
    print(title)
    print(f"  {headline()}")
    for what, value in rows:
        print(f"  {what:<58} {value}")
    print(f"  {'violations':<58} {len(found)}")
    for sentence in found[:20]:
        print(f"    {sentence}")
    sys.exit(1 if found else 0)

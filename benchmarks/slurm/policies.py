"""What follows a lost node, a time limit, a limit on jobs, a walltime.

scripts/bench slurm/policies

Four experiments on the one-host Slurm. A node is set down while it runs a trial that
Slurm may not requeue: the trial has to be run again elsewhere. A trial takes longer
than its time limit, with ``time: {retry: 1, factor: 2}``: it has to be run again with
twice the time. sacctmgr allows three submitted jobs and the config ten waiting ones:
the experiment has to complete, no trial may fail, and ``hpcopt status`` has to say why
it waits. Last, the driver is a job of two minutes and the experiment takes six: it has
to be completed by its successors.
"""

from __future__ import annotations

import argparse
import getpass
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.slurm.chaos.case import PATIENCE_S, Case, Cluster, conclude, until
from hpcopt.core.errors import StorageError
from hpcopt.core.trials.trial import Attempt, Cause

#: The one line of status, where the site's limit is met.
WHY_IT_WAITS = re.compile(r"the limit of 3 submitted jobs \(.*\) is reached")


def hpcopt(verb: str, case: Case) -> str:
    return case.cluster.ask(sys.executable, "-m", "hpcopt", verb, str(case.config))


def finish(case: Case, driver: subprocess.Popen[bytes]) -> list[str]:
    """Wait for the driver and return what is wrong."""
    return case.finish(driver) + case.violations()


def first_attempts(case: Case) -> list[Attempt]:
    """Return the attempts that were followed by others."""
    return [a for trial in case.experiment.trials for a in trial.attempts[:-1]]


def node_down(cluster: Cluster) -> tuple[str, list[str]]:
    """Set a node down while it runs trials."""
    options = ", no_requeue: true"
    case = Case(cluster, max_trials=6, parallelism=6, seconds=(15,), options=options)
    driver = case.run()
    until((case.folder / "runs").exists, 60)
    ask = ("squeue", "-h", "-t", "R", "-o", "%N %j")
    rows = [line.split(maxsplit=1) for line in cluster.ask(*ask).splitlines()]
    node = next((node for node, name in rows if case.name in name), "n2")
    change = ("scontrol", "update", f"nodename={node}")
    cluster.ask(*change, "state=down", "reason=chaos")
    time.sleep(5)
    cluster.ask(*change, "state=resume")
    found = finish(case, driver)
    again = first_attempts(case)
    causes = {attempt.cause for attempt in again}
    if causes != {Cause.INFRASTRUCTURE}:
        found.append(f"{case.folder}: run again for {causes}, not for the lost node")
    nodes = {str(attempt.facts.get("bad_node")) for attempt in again}
    return f"{len(again)} trials run again, {', '.join(nodes)} avoided", found


def time_limit(cluster: Cluster) -> tuple[str, list[str]]:
    """Run trials of which one takes longer than its time limit."""
    case = Case(
        cluster,
        max_trials=3,
        parallelism=3,
        seconds=(1, 100, 1),
        time_limit="00:01:00",
    )
    found = finish(case, case.run())
    again = first_attempts(case)
    if [attempt.cause for attempt in again] != [Cause.TIME]:
        found.append(f"{case.folder}: run again for {[a.cause for a in again]}")
    last = case.experiment.trial(1).attempts[-1]
    options = (last.metadata or {}).get("options")
    if options != {"time": "00:02:00"}:
        found.append(f"{case.folder}: the second time with {options}")
    return f"trial 1 run again with {options}", found


@contextmanager
def limited(cluster: Cluster, n_jobs: int) -> Iterator[None]:
    """Have this user have no more jobs in the queue."""
    change = ("sacctmgr", "-i", "modify", "user", getpass.getuser(), "set")
    cluster.ask(*change, f"maxsubmitjobs={n_jobs}")
    try:
        yield
    finally:
        cluster.ask(*change, "maxsubmitjobs=-1")


def submit_limit(cluster: Cluster) -> tuple[str, list[str]]:
    """Run an experiment where the site allows fewer jobs than the config."""
    case = Case(
        cluster, max_trials=20, parallelism=10, max_queued_jobs=10, seconds=(4,)
    )
    why: list[str] = []

    def is_told() -> bool:
        why.extend(WHY_IT_WAITS.findall(hpcopt("status", case)))
        return bool(why)

    with limited(cluster, 3):
        driver = case.run()
        if not until(is_told, 60):
            why.append("status did not say why it waits")
        found = finish(case, driver)
    if not WHY_IT_WAITS.search(why[0]):
        found.append(f"{case.folder}: {why[0]}")
    refused = case.log().count("AssocMaxSubmitJobLimit")
    return f"0 failed, {refused} refusals, status: {why[0]}", found


def walltime(cluster: Cluster) -> tuple[str, list[str]]:
    """Have an experiment of six minutes be driven by jobs of two."""
    case = Case(cluster, max_trials=12, parallelism=1, seconds=(30,))
    hpcopt("submit", case)
    begun = time.monotonic()

    def is_complete() -> bool:
        with suppress(StorageError):  # it is not begun yet
            ended = case.experiment.ended
            return ended is not None and "have ended" in ended.reason
        return False

    found = [] if until(is_complete, PATIENCE_S) else ["not complete"]
    minutes = (time.monotonic() - begun) / 60
    jobs = [driver.job_id for driver in case.experiment.drivers]
    if len(jobs) < 3 or len(set(jobs)) != len(jobs):
        found.append(f"{case.folder}: driven by the jobs {jobs}")
    return f"{len(jobs)} jobs, {minutes:.1f} min", found + case.violations()


SCENES: dict[str, Callable[[Cluster], tuple[str, list[str]]]] = {
    "a node is set down": node_down,
    "a trial exceeds its time limit": time_limit,
    "sacctmgr allows 3 jobs, the config 10": submit_limit,
    "the driver is a job of 2 minutes": walltime,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="leave others out")
    options = parser.parse_args()
    cluster = Cluster()
    rows: list[tuple[str, object]] = []
    found: list[str] = []
    for what, run in SCENES.items():
        if options.only in what:
            row, wrong = run(cluster)
            rows.append((what, row))
            found += wrong
    conclude("Policies", rows, found)


if __name__ == "__main__":
    main()

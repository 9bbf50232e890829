"""No false verdict: jobs are requeued, preempted, and lose their nodes.

scripts/bench slurm/requeues --count 200

Jobs that wait for a release are requeued by hand, preempted by jobs of a better
partition, and lose their nodes, over and over, while a runner polls without a pause.
Every second job answers SIGTERM with exit code 0, as a program does that has saved a
checkpoint. A verdict before the release is false; after it, each job must succeed.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from pathlib import Path

from typing_extensions import override

from benchmarks.slurm.chaos.case import Cluster, conclude, until
from hpcopt.core.errors import PollError
from hpcopt.core.trials.trial import Attempt, Cause, Phase
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import JobSpec
from hpcopt.runners.slurm.runner import SlurmRunner

TEMPLATE = """\
#!/bin/bash
cd {{ directory }}
if (({{ trial.index }} % 2)); then trap 'exit 0' TERM; fi
while [[ ! -e release ]]; do sleep 0.2; done
"""


class Watcher(threading.Thread):
    """Polls without a pause, and keeps what it is told."""

    def __init__(self, runner: SlurmRunner, attempts: list[Attempt]) -> None:
        super().__init__(daemon=True)
        self.n_polls = 0
        self.verdicts: list[str] = []
        self.phases: dict[tuple[int, int], Phase] = {}
        self.causes: dict[tuple[int, int], Cause | None] = {}
        self.is_released = False
        self._runner = runner
        self._attempts = attempts
        self._is_over = False

    @override
    def run(self) -> None:
        while not self._is_over:
            was_released = self.is_released
            try:
                states = self._runner.poll(self._attempts)
            except PollError:
                continue
            self.n_polls += 1
            for key, state in states.items():
                self.phases[key], self.causes[key] = state.phase, state.cause
                if state.phase is Phase.ENDED and not was_released:
                    self.verdicts.append(
                        f"trial {key[0]}: {state.cause}: {state.reason}"
                    )
            time.sleep(0.05)

    def all_are(self, phase: Phase) -> bool:
        return len(self.phases) == len(self._attempts) and all(
            one is phase for one in self.phases.values()
        )

    def end(self) -> None:
        self._is_over = True
        self.join()


class Bench:
    def __init__(self, cluster: Cluster, n_jobs: int) -> None:
        self.cluster = cluster
        self.folder = Path(tempfile.mkdtemp(prefix="hpcopt-requeues-"))
        (self.folder / "t.sbatch").write_text(TEMPLATE)
        spec = JobSpec(
            template=self.folder / "t.sbatch",
            command=None,
            function=None,
            directory=".",
            setup=(),
            environment={},
            slurm={"partition": "scavenge", "time": "01:00:00", "mem": "10M"},
            config_folder=self.folder,
        )
        name = self.folder.name
        self.runner = SlurmRunner(JobScripts(name, self.folder / "experiment", spec))
        requests = [AttemptRequest(k, 0, {}) for k in range(n_jobs)]
        self.attempts = [
            Attempt(r.trial_index, 0, submission.name, submission.task(k), metadata=one)
            for submission in self.runner.plan(requests)
            for k, (r, one) in enumerate(
                zip(submission.requests, self.runner.submit(submission), strict=True)
            )
        ]
        self.ids = [str((a.metadata or {})["job_id"]) for a in self.attempts]
        listing = cluster.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%N")
        self.nodes = listing.split()
        self.watcher = Watcher(self.runner, self.attempts)
        self.n_interruptions = {"requeue": 0, "preempt": 0, "node": 0}

    def settle(self) -> None:
        """Wait until all jobs run; those that were requeued would wait for long."""
        deadline = time.monotonic() + 180
        while not self.watcher.all_are(Phase.RUNNING):
            if time.monotonic() > deadline or self.watcher.verdicts:
                return
            waiting = self.cluster.ask(
                *("squeue", "-h", "-r", "-t", "PD", "-p", "scavenge", "-o", "%i")
            )
            for job_id in set(waiting.split()) & set(self.ids):
                change = ("scontrol", "update", f"jobid={job_id}", "StartTime=now")
                self.cluster.ask(*change)
            time.sleep(0.5)

    def interrupt(self, how: str) -> None:
        before = len(self.records())
        match how:
            case "requeue":
                self.cluster.ask("scontrol", "requeue", ",".join(self.ids))
            case "preempt":
                self.preempt()
            case "node":
                for node in self.nodes:
                    self.change_node(node, "down")
        until(lambda: not self.watcher.all_are(Phase.RUNNING), 20)
        time.sleep(2)
        if how == "node":
            for node in self.nodes:
                self.change_node(node, "resume")
        self.settle()
        self.n_interruptions[how] += len(self.records()) - before

    def change_node(self, node: str, state: str) -> None:
        change = ("scontrol", "update", f"nodename={node}", f"state={state}")
        self.cluster.ask(*change, "reason=chaos")

    def preempt(self) -> None:
        script = self.folder / "sleep.sh"
        script.write_text("#!/bin/sh\nsleep 5\n")
        for _ in self.nodes:
            self.cluster.ask(
                *("sbatch", "-p", "main", "--exclusive", "-N", "1", "--mem=10"),
                *("-o", "/dev/null", "-t", "5", str(script)),
            )

    def records(self) -> list[str]:
        """Return the states of all runs of the jobs, as sacct has them."""
        listing = self.cluster.ask(
            *("sacct", "-D", "-X", "-n", "-P", "-o", "State", "-j", ",".join(self.ids))
        )
        return listing.splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=10)
    options = parser.parse_args()
    begun = time.monotonic()
    bench = Bench(Cluster(), options.jobs)
    watcher = bench.watcher
    watcher.start()
    found: list[str] = []
    bench.settle()
    for how in itertools.cycle(["requeue", "preempt", "requeue", "node"]):
        if sum(bench.n_interruptions.values()) >= options.count or watcher.verdicts:
            break
        if time.monotonic() - begun > 3000:
            found.append("not done after 50 minutes")
            break
        bench.interrupt(how)
    watcher.is_released = True
    (bench.folder / "release").touch()
    if not until(lambda: watcher.all_are(Phase.ENDED), 180):
        found.append(f"after the release: {watcher.phases}")
    watcher.end()
    found += [f"false verdict: {one}" for one in dict.fromkeys(watcher.verdicts)]
    found += [
        f"trial {key[0]} ended as {cause}, not as a success"
        for key, cause in watcher.causes.items()
        if cause is not Cause.SUCCESS
    ]
    bench.cluster.ask("scancel", *bench.ids)
    conclude(
        f"Jobs interrupted while they run: {bench.folder}",
        [
            ("jobs", options.jobs),
            ("runs that were requeued by hand", bench.n_interruptions["requeue"]),
            ("runs that were preempted", bench.n_interruptions["preempt"]),
            ("runs that lost their node", bench.n_interruptions["node"]),
            ("polls", watcher.n_polls),
            ("false verdicts", len(watcher.verdicts)),
            ("minutes", f"{(time.monotonic() - begun) / 60:.1f}"),
        ],
        found,
    )


if __name__ == "__main__":
    main()

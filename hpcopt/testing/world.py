"""A fake Slurm's world: jobs, nodes, an accounting, and a clock that obeys.

Nothing here runs, reads or writes anything. Time passes only in ``advance``, and what
happens to jobs otherwise, the test says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from hpcopt.testing.faults import Fault
from hpcopt.testing.jobs import Behaviour, Job, Run

#: For so long the accounting says why a job was requeued, before it says PENDING.
_REQUEUE_GAP_S = 1.0


@dataclass
class FakeSite:
    """What the cluster is like; a test may change all of it at any time."""

    nodes: dict[str, bool] = field(default_factory=dict)
    """Whether each node is in service."""
    cpus: int = 8
    """How many each node has."""
    partitions: list[str] = field(default_factory=lambda: ["main", "scavenge", "spot"])
    controller: Literal["up", "down", "frozen"] = "up"
    accounting: Literal["up", "down", "off"] = "up"
    accounting_lag_s: float = 0.0
    """The accounting hears of everything this late."""
    min_job_age_s: float = 300.0
    """The controller forgets a job this long after its end."""
    requeue_wait_s: float = 20.0
    """A job that was requeued starts again at the earliest after this time."""
    max_submit_jobs: int | None = None
    """How many jobs a user may have submitted at a time."""
    max_array_size: int = 1001


@dataclass
class World:
    """All that there is, and what happens to it."""

    now: float
    site: FakeSite = field(default_factory=FakeSite)
    jobs: list[Job] = field(default_factory=list)
    """All jobs ever, those that the controller has forgotten too."""
    next_id: int = 1
    behaviours: list[Behaviour] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    backlog: list[list[Job]] = field(default_factory=list)
    """What a frozen controller will find when it goes on: ghosts."""
    program: Callable[[Job], int] | None = field(default=None, repr=False)
    """Runs a job's program at its end and returns the exit code."""

    # ---- what tests and commands do

    def find(self, job_id: str) -> list[Job]:
        """Return the jobs that ``13`` or ``13_1`` means, known to the controller."""
        base, _, task = job_id.partition("_")
        return [
            job
            for job in self.remembered()
            if str(job.base) == base and (not task or str(job.task) == task)
        ]

    def named(self, name: str) -> Job:
        """Return the latest job of a name, or of a name and a task: ``name/3``."""
        found = [job for job in self.jobs if name in (job.name, job.full_name)]
        if not found:
            raise KeyError(f"no job is named {name!r}")
        return found[-1]

    def remembered(self) -> list[Job]:
        """Return the jobs that the controller has not forgotten."""
        oldest = self.now - self.site.min_job_age_s
        return [j for j in self.jobs if j.ended_at is None or j.ended_at >= oldest]

    def live(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs if not job.is_over]

    def submit(self, jobs: Iterable[Job]) -> int:
        """Take new jobs up, the tasks of one array or one job; return their id."""
        base, self.next_id = self.next_id, self.next_id + 1
        for job in jobs:
            job.base, job.submitted_at = base, self.now
            run = Run(self.now, [(self.now, "PENDING")], self._is_eligible(job))
            job.runs = [run]
            self.jobs.append(job)
        self._start_what_can()
        return base

    def thaw(self) -> None:
        """Let the controller go on; it accepts what it was sent meanwhile."""
        self.site.controller = "up"
        backlog, self.backlog = self.backlog, []
        for jobs in backlog:
            self.submit(jobs)

    def advance(self, to: float) -> None:
        """Let time pass until ``to``; a clock never goes back."""
        while (event := self._next_event()) is not None and event <= to:
            self.now = max(self.now, event)
            for job in self.live():
                if job.ends_at is not None and job.ends_at <= self.now:
                    self._end_by_itself(job)
            self._start_what_can()
        self.now = max(self.now, to)

    def end(
        self,
        job: Job,
        word: str,
        *,
        reason: str = "None",
        exit_code: int = 0,
        signal: int = 0,
    ) -> None:
        """End a job for good."""
        job.word, job.reason, job.ended_at = word, reason, self.now
        job.exit_code, job.signal = exit_code, signal
        self._record_end(job, word)
        self._start_what_can()

    def cancel(self, job: Job, uid: int = 0) -> None:
        """Cancel a job, as scancel does; one that has ended is left alone."""
        if not job.is_over:
            self.end(job, "CANCELLED", reason=job.reason)
            job.runs[-1].words[-1] = (self.now, f"CANCELLED by {uid}")

    def requeue(
        self, job: Job, word: str = "REQUEUED", *, state: str = "PENDING"
    ) -> None:
        """Have a job wait again, under the same id.

        Args:
            job: One that runs, or has ended.
            word: What the accounting says of the run that is over.
            state: ``REQUEUE_HOLD`` or ``SPECIAL_EXIT`` to have it wait for a person.
        """
        job.ended_at = self.now
        self._record_end(job, word)
        job.word, job.ended_at, job.started_at, job.due_at = "PENDING", None, None, None
        job.node, job.exit_code, job.signal = "", 0, 0
        job.reason, job.is_held = "BeginTime", state != "PENDING"
        job.begin_at = self.now + self.site.requeue_wait_s
        if job.is_held:
            job.reason = "job requeued in held state"
        if state == "SPECIAL_EXIT":
            job.word = state
        again = self.now + _REQUEUE_GAP_S
        job.runs.append(Run(self.now, [(again, "PENDING")]))
        self._start_what_can()

    def preempt(self, job: Job, *, is_cancelled: bool = False) -> None:
        """Take a job's place away."""
        if is_cancelled or not job.may_requeue:
            self.end(job, "PREEMPTED")
        else:
            self.requeue(job, "PREEMPTED")

    def fail_node(self, node: str) -> None:
        """Take a node out of service, with all that runs on it."""
        self.site.nodes[node] = False
        for job in [job for job in self.live() if job.node == node]:
            if job.may_requeue:
                self.requeue(job, "NODE_FAIL")
            else:
                self.end(job, "NODE_FAIL", reason="NodeDown")

    def resume_node(self, node: str) -> None:
        """Take a node into service again."""
        self.site.nodes[node] = True
        self._start_what_can()

    def suspend(self, job: Job, word: str = "SUSPENDED") -> None:
        """Have a running job pause: ``SUSPENDED``, or ``STOPPED`` by its signal."""
        job.left_s = max(0.0, (job.due_at or self.now) - self.now)
        job.word, job.due_at = word, None
        if word == "SUSPENDED":  # a stopped job is still RUNNING to the accounting
            job.runs[-1].words.append((self.now, word))

    def resume(self, job: Job) -> None:
        """Let a suspended or stopped job go on."""
        job.word, job.due_at = "RUNNING", self.now + job.left_s
        job.runs[-1].words.append((self.now, "RUNNING"))

    def hold(self, job: Job, reason: str = "JobHeldUser") -> None:
        """Keep a waiting job from starting."""
        job.is_held, job.reason = True, reason

    def release(self, job: Job) -> None:
        """Let a held job start."""
        job.is_held, job.word, job.reason = False, "PENDING", "None"
        self._start_what_can()

    def kill(self, job: Job, signal: int) -> None:
        """Have a job's script be killed by a signal."""
        reason = "JobLaunchFailure" if signal == 9 else "NonZeroExitCode"
        self.end(job, "FAILED", reason=reason, signal=signal)

    # ---- how the world goes on

    def _is_eligible(self, job: Job) -> bool:
        return not job.is_held and job.begin_at <= self.now

    def _next_event(self) -> float | None:
        live = self.live()
        times = [job.ends_at for job in live if job.ends_at is not None]
        times += [job.begin_at for job in live if self._is_begin_awaited(job)]
        return min(times, default=None)

    def _is_begin_awaited(self, job: Job) -> bool:
        return job.is_waiting and not job.is_held and job.begin_at > self.now

    def _start_what_can(self) -> None:
        free = {node: self.site.cpus for node, up in self.site.nodes.items() if up}
        waiting: list[Job] = []
        for job in self.live():
            if job.is_waiting:
                waiting.append(job)
            elif job.node in free:
                free[job.node] -= job.cpus
        for job in waiting:
            if job.is_held:
                continue
            if job.begin_at > self.now:
                job.reason = "BeginTime"
                continue
            wanted = job.options.get("nodelist")
            fitting = [n for n, cpus in free.items() if cpus >= job.cpus]
            node = next((n for n in fitting if wanted in (None, n)), None)
            if node is None:
                job.reason = "Resources"
                continue
            free[node] -= job.cpus
            self._start(job, node)

    def _start(self, job: Job, node: str) -> None:
        behaviour = self.behaviour(job)
        job.word, job.reason, job.node = "RUNNING", "None", node
        job.started_at, job.due_at = self.now, self.now + behaviour.run_s
        run = job.runs[-1]
        run.is_eligible, run.started_at, run.node = True, self.now, node
        run.words.append((max(self.now, run.words[-1][0]), "RUNNING"))

    def behaviour(self, job: Job) -> Behaviour:
        """Return how a job runs; of several rules the latest counts."""
        for one in reversed(self.behaviours):
            if fnmatchcase(job.full_name, one.match) or fnmatchcase(
                job.name, one.match
            ):
                return one
        return Behaviour()

    def _end_by_itself(self, job: Job) -> None:
        if job.due_at is None or job.due_at > self.now:
            self.end(job, "TIMEOUT", reason="TimeLimit")
            return
        behaviour = self.behaviour(job)
        word, code = behaviour.word, behaviour.exit_code
        if self.program is not None and word == "COMPLETED":
            code = self.program(job)
        if word == "COMPLETED" and code:
            word = "FAILED"
        job.steps = dict(behaviour.steps)
        reason = "NonZeroExitCode" if code else "None"
        self.end(job, word, reason=reason, exit_code=code, signal=behaviour.signal)

    def _record_end(self, job: Job, word: str) -> None:
        run = job.runs[-1]
        run.ended_at, run.exit_code, run.signal = self.now, job.exit_code, job.signal
        run.words.append((max(self.now, run.words[-1][0]), word))

"""A world for the driver: a cluster, a clock and a generator that obey the test."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from hpcopt.core.errors import (
    PollError,
    ResultNotReadyError,
    RunnerError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.events import Event, ExperimentBegun
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Observation, Phase
from hpcopt.core.types import JSONValue
from hpcopt.driver.driver import Driver, Stop
from hpcopt.driver.limits import Limits
from hpcopt.driver.requests import RequestFolder
from hpcopt.generation.protocol import Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot
from hpcopt.runners.protocol import (
    AttemptRequest,
    AttemptRunner,
    Submission,
    SubmissionMetadata,
    submission_name,
)
from hpcopt.storage.journal import Journal
from tests.support.fake_clock import FakeClock
from tests.support.memory_store import MemoryStore

BEGUN = ExperimentBegun(
    time=0.0,
    version="test",
    definition={
        "name": "world",
        "parameters": [
            {
                "name": "x",
                "type": "range",
                "bounds": [0.0, 1.0],
                "parameter_type": "float",
            }
        ],
        "objective": "-loss",
        "metrics": [{"name": "loss"}],
        "seed": 0,
    },
    settings={},
)


class Killed(BaseException):
    """The driver dies here, as by kill -9: nothing of it may run afterwards."""


@dataclass
class Job:
    """One attempt in the cluster."""

    submitted_at: float
    started_at: float | None = None
    stopped: bool = False
    stretch: float = 1.0


@dataclass
class Cluster:
    """What outlives every driver: jobs, by the name and place of their submission."""

    clock: FakeClock
    slots: int = 1000
    run_s: float = 10.0
    jobs: dict[tuple[int, int], Job] = field(default_factory=dict)
    names: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    n_starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    most_waiting: int = 0
    most_alive: int = 0
    stretch: Callable[[tuple[int, int]], float] = lambda key: 1.0
    """How many times ``run_s`` an attempt runs."""
    cause: Callable[[tuple[int, int]], Cause] = lambda key: Cause.SUCCESS
    facts: Callable[[tuple[int, int]], dict[str, JSONValue]] = lambda key: {}
    """What else is known of an attempt's end."""

    def submit(self, submission: Submission) -> None:
        self.names.setdefault(submission.name, [])
        for request in submission.requests:
            self.n_starts[request.key] += 1
            self.jobs[request.key] = Job(
                self.clock.now(), stretch=self.stretch(request.key)
            )
            self.names[submission.name].append(request.key)
        self.tick()

    def tick(self) -> None:
        """Let jobs end and waiting ones start."""
        now = self.clock.now()
        running = [j for j in self.jobs.values() if self._is_running(j, now)]
        for job in self.jobs.values():
            if job.started_at is None and len(running) < self.slots:
                job.started_at = now
                running.append(job)
        waiting = sum(job.started_at is None for job in self.jobs.values())
        self.most_waiting = max(self.most_waiting, waiting)
        self.most_alive = max(self.most_alive, waiting + len(running))

    def _is_running(self, job: Job, now: float) -> bool:
        return job.started_at is not None and now < (
            job.started_at + self.run_s * job.stretch
        )

    def state(self, key: tuple[int, int]) -> AttemptState:
        job = self.jobs[key]
        if job.stopped:
            return AttemptState(Phase.ENDED, Cause.USER, "cancelled")
        if job.started_at is None:
            return AttemptState(Phase.WAITING)
        if self._is_running(job, self.clock.now()):
            return AttemptState(Phase.RUNNING)
        cause = self.cause(key)
        reason = "" if cause is Cause.SUCCESS else "bad"
        return AttemptState(Phase.ENDED, cause, reason, self.facts(key))


class Hazards:
    """Counts the points at which a driver may die, and kills it at one."""

    def __init__(self, fatal: int | None = None) -> None:
        self.n_passed = 0
        self._fatal = fatal

    def pass_by(self) -> None:
        if self.n_passed == self._fatal:
            raise Killed
        self.n_passed += 1


class HazardousStore(MemoryStore):
    """The driver may die just before and just after the events are on disk."""

    hazards = Hazards()

    @override
    def append(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self.hazards.pass_by()
        super().append(events)
        self.hazards.pass_by()


class ClusterRunner(AttemptRunner):
    """Speaks to the cluster; the driver may die around each submission."""

    def __init__(self, cluster: Cluster, hazards: Hazards) -> None:
        self.cluster = cluster
        self.hazards = hazards
        self.is_down = False
        self.is_deaf = False
        """Whether it cannot be asked to end jobs."""
        self.defer = 0
        self.stops: list[list[tuple[int, int]]] = []
        self.lose = 0
        """How many submissions will be accepted without the driver learning it."""
        self._trials_per_job = 1

    @property
    @override
    def trials_per_job(self) -> int:
        return self._trials_per_job

    @trials_per_job.setter
    def trials_per_job(self, n: int) -> None:
        self._trials_per_job = n

    @override
    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        return -(-len(waiting) // self._trials_per_job)

    @override
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        if len(requests) > 1 and all(r.number == 0 for r in requests):
            name = submission_name("world", requests)
            return [Submission(name, tuple(requests), is_array=True)]
        return [Submission(submission_name("world", [r]), (r,)) for r in requests]

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        self.hazards.pass_by()
        if self.defer:
            self.defer -= 1
            raise SubmissionDeferredError("the queue is full")
        self.cluster.submit(submission)
        self.hazards.pass_by()
        if self.lose:
            self.lose -= 1
            raise SubmissionUnknownError("sbatch timed out")
        return [{"folder": f"trial {r.trial_index}"} for r in submission.requests]

    @override
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        if self.is_down:
            raise PollError("the cluster does not answer")
        if submission.name not in self.cluster.names:
            return None
        return [{"folder": f"trial {r.trial_index}"} for r in submission.requests]

    @override
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        if self.is_down:
            raise PollError("the cluster does not answer")
        self.cluster.tick()
        return {a.key: self.cluster.state(a.key) for a in attempts}

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        if self.is_deaf:
            raise RunnerError("the cluster does not answer")
        self.stops.append([attempt.key for attempt in attempts])
        for attempt in attempts:
            self.cluster.jobs[attempt.key].stopped = True


@dataclass
class Reader:
    """Every result is the trial's index, once it may be read."""

    not_ready: set[int] = field(default_factory=set)

    def read(
        self, trial_index: int, trial_metadata: Mapping[str, object]
    ) -> Mapping[str, Observation]:
        if trial_index in self.not_ready:
            raise ResultNotReadyError(f"trial {trial_index}: result.h5 is missing")
        assert trial_metadata == {"folder": f"trial {trial_index}"}
        return {"loss": Observation(float(trial_index))}


USED_UP = "every point of the search space has been tried"


class RandomService:
    """Proposes random points; answers after ``delay`` calls of ``collect``."""

    def __init__(
        self, delay: int = 0, n_points: int | None = None, why_none: str = USED_UP
    ) -> None:
        self._why_none = why_none
        self.requests: list[int] = []
        self._delay = delay
        self._left = 0
        self._n_points = n_points
        self.is_concurrent = delay > 0
        self._answer: Generation | None = None

    @property
    def is_busy(self) -> bool:
        return self._answer is not None

    def request(self, n: int, snapshot: Snapshot) -> None:
        assert self._answer is None
        self.requests.append(n)
        if self._n_points is not None:
            n = min(n, self._n_points - snapshot.n_trials)
        rng = random.Random(snapshot.n_trials)
        self._answer = Generation(
            tuple(Suggestion({"x": rng.random()}, "sobol") for _ in range(n)),
            snapshot.position,
            0.0,
            why_none=self._why_none,
        )
        self._left = self._delay

    def collect(self, timeout_s: float) -> Generation | None:
        if self._left > 0:
            self._left -= 1
            return None
        answer, self._answer = self._answer, None
        return answer

    def close(self) -> None:
        pass


@dataclass
class World:
    """A cluster and a journal, for any number of drivers one after another."""

    limits: Limits
    clock: FakeClock = field(default_factory=FakeClock)
    hazards: Hazards = field(default_factory=Hazards)
    reader: Reader = field(default_factory=Reader)
    service: RandomService = field(default_factory=RandomService)

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.clock)
        self.store = HazardousStore()
        self.store.hazards = Hazards()
        self.journal = Journal.begin(self.store, BEGUN)
        self.store.hazards = self.hazards
        self.runner = ClusterRunner(self.cluster, self.hazards)
        self.stop: str | None = None
        self.requests: RequestFolder | None = None
        self.on_look: Callable[[], None] = lambda: None
        """What happens each time when the driver looks whether it shall stop."""

    def driver(self, *, drain: bool = False) -> Driver:
        """Return a driver that knows nothing but what is in the journal."""
        self.journal = Journal.load(self.store)
        return Driver(
            self.journal,
            self.runner,
            self.reader,
            self.service,
            self.limits,
            self.clock,
            is_stop_requested=self._look,
            requests=self.requests,
            drain=drain,
        )

    def _look(self) -> str | None:
        self.on_look()
        return self.stop

    def run(self) -> Stop:
        return self.driver().run()

"""What a fake Slurm knows of one job, and of each of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The words with which a job is over.
TERMINAL = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)


@dataclass
class Behaviour:
    """How the jobs of a name run, if nothing happens to them."""

    match: str = "*"
    """A pattern of job names, as of a shell; ``name/3`` is task 3 of an array."""
    run_s: float = 60.0
    """How long they run."""
    word: str = "COMPLETED"
    """How they end."""
    exit_code: int = 0
    signal: int = 0
    steps: dict[str, str] = field(default_factory=dict)
    """The terminal words of their steps, by the steps' names."""


@dataclass
class Run:
    """One run of a job, as the accounting has it; a requeued job has several."""

    submitted_at: float
    words: list[tuple[float, str]]
    """Since when the accounting has said which word."""
    is_eligible: bool = True
    """Whether it may start; a list by name leaves out those that never might."""
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int = 0
    signal: int = 0
    node: str = ""

    def word(self, at: float) -> str:
        """Return what the accounting says at a time; nothing before it has heard."""
        heard = [word for since, word in self.words if since <= at]
        return heard[-1] if heard else ""


@dataclass
class Job:
    """A job, or one task of a job array."""

    base: int
    task: int | None
    name: str
    folder: str
    log: str
    partition: str
    submitted_at: float
    cpus: int = 1
    uid: int = 0
    options: dict[str, str] = field(default_factory=dict)
    word: str = "PENDING"
    reason: str = "None"
    begin_at: float = 0.0
    limit_s: float | None = None
    may_requeue: bool = True
    is_held: bool = False
    started_at: float | None = None
    due_at: float | None = None
    """When its program will end by itself."""
    left_s: float = 0.0
    """How much of its program was left when it was suspended."""
    ended_at: float | None = None
    exit_code: int = 0
    signal: int = 0
    node: str = ""
    runs: list[Run] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)

    @property
    def job_id(self) -> str:
        """``13``, or ``13_1`` for an array task."""
        return str(self.base) if self.task is None else f"{self.base}_{self.task}"

    @property
    def full_name(self) -> str:
        """The name by which a ``Behaviour`` is found."""
        return self.name if self.task is None else f"{self.name}/{self.task}"

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended_at is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it may yet start."""
        return not self.is_over and self.started_at is None

    @property
    def ends_at(self) -> float | None:
        """When it will end, by itself or by its time limit."""
        if self.is_over or self.started_at is None or self.due_at is None:
            return None
        if self.limit_s is None:
            return self.due_at
        return min(self.due_at, self.started_at + self.limit_s)

"""A fake sbatch: what it reads of its command line and of the script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from hpcopt.testing import faults
from hpcopt.testing.jobs import Job
from hpcopt.testing.world import World

#: Options that take no value.
_FLAGS = frozenset(
    {
        "contiguous",
        "exclusive",
        "hold",
        "no-requeue",
        "oversubscribe",
        "overcommit",
        "parsable",
        "quiet",
        "requeue",
        "spread-job",
        "test-only",
        "use-min-nodes",
    }
)
_LETTERS = {
    "A": "account",
    "D": "chdir",
    "H": "hold",
    "J": "job-name",
    "N": "nodes",
    "a": "array",
    "b": "begin",
    "c": "cpus-per-task",
    "e": "error",
    "n": "ntasks",
    "o": "output",
    "p": "partition",
    "q": "qos",
    "t": "time",
}
_FAILED = "sbatch: error: Batch job submission failed: "


class Refusal(Exception):
    """Why sbatch accepts nothing: its words and its exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def options_of(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options by their long names, and what follows them."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word.startswith("--"):
            name, has_value, value = word[2:].partition("=")
        else:
            name, has_value, value = _LETTERS.get(word[1], ""), word[2:], word[2:]
        if not name:
            raise Refusal(f"sbatch: unrecognized option '{word}'", 255)
        if not has_value and name not in _FLAGS:
            value = rest.pop(0) if rest else ""
        options[name] = value
    return options, rest


def prepare(world: World, words: Sequence[str]) -> tuple[dict[str, str], list[Job]]:
    """Return the options of a call of sbatch and the jobs that it asks for.

    Raises:
        Refusal: Slurm would not accept them.
    """
    options, rest = options_of(words)
    if not rest:
        raise Refusal("sbatch: error: the fake Slurm reads no script from its input")
    script = Path(rest[0])
    try:
        text = script.read_text(errors="replace")
    except OSError:
        raise Refusal(f"sbatch: error: Unable to open file {script}") from None
    if not text.strip():
        raise Refusal("sbatch: error: Batch script is empty!")
    if not text.startswith("#!"):
        raise Refusal(
            "sbatch: error: This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an "
            "interpreter."
        )
    options = {**_directives(text), **options}
    partition = options.get("partition") or world.site.partitions[0]
    if partition not in world.site.partitions:
        raise Refusal(f"{_FAILED}Invalid partition name specified")
    tasks = _tasks(world, options)
    n_live = len(world.live()) + sum(len(jobs) for jobs in world.backlog)
    limit = world.site.max_submit_jobs
    if limit is not None and n_live + len(tasks) > limit:
        raise Refusal(faults.SUBMIT_LIMIT)
    return options, [_job(world, options, script, partition, task) for task in tasks]


def _directives(text: str) -> dict[str, str]:
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith("#SBATCH"):
            words += shlex.split(line[len("#SBATCH") :], comments=True)
        elif line.strip() and not line.startswith("#"):
            break  # Slurm reads no directive after the first command
    return options_of(words)[0]


def _tasks(world: World, options: dict[str, str]) -> list[int | None]:
    if "array" not in options:
        return [None]
    tasks: list[int | None] = []
    for part in options["array"].partition("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if match is None:
            raise Refusal(f"{_FAILED}Invalid job array specification")
        first, last, step = match.groups()
        tasks += range(int(first), int(last or first) + 1, int(step or 1))
    if max(task or 0 for task in tasks) >= world.site.max_array_size:
        raise Refusal(f"{_FAILED}Invalid job array specification")
    return tasks


def _job(
    world: World,
    options: dict[str, str],
    script: Path,
    partition: str,
    task: int | None,
) -> Job:
    cpus = int(options.get("cpus-per-task", 1)) * int(options.get("ntasks", 1))
    job = Job(
        base=0,
        task=task,
        name=options.get("job-name", script.name),
        folder=options.get("chdir") or str(Path.cwd()),
        log=options.get("output", "slurm-%j.out"),
        partition=partition,
        submitted_at=world.now,
        cpus=cpus,
        options=options,
        begin_at=_begin(world, options.get("begin", "")),
        limit_s=_seconds(options["time"]) if options.get("time") else None,
        may_requeue="no-requeue" not in options,
        is_held="hold" in options,
        reason="JobHeldUser" if "hold" in options else "None",
    )
    if cpus > world.site.cpus:
        job.is_held, job.reason = True, "BadConstraints"
    if int(options.get("nodes", "1").partition("-")[0]) > len(world.site.nodes):
        job.is_held, job.reason = True, "PartitionNodeLimit"
    return job


def _begin(world: World, text: str) -> float:
    match = re.fullmatch(r"now\+(\d+)(second|minute|hour|day)?s?", text)
    if match is None:
        return 0.0
    unit = {"minute": 60, "hour": 3600, "day": 86400}.get(match[2] or "", 1)
    return world.now + int(match[1]) * unit


def _seconds(text: str) -> float:
    """Return the seconds in ``30``, ``0:30``, ``00:30:00``, ``1-12`` or ``1-00:30``."""
    days, has_days, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if has_days or len(parts) == 3:
        parts += [0] * (3 - len(parts))
    elif len(parts) == 2:
        parts = [0, *parts]
    else:
        parts = [0, *parts, 0]
    hours, minutes, seconds = parts
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds

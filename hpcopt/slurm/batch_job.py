"""A batch script, the name of its job, and what sbatch is told on its command line.

There it wins over ``#SBATCH`` lines and over variables such as ``SBATCH_JOB_NAME``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Anything else might mean something to Slurm, or not come back as it was.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:+@-]")

#: A template's own choice of the working directory.
_CHDIR = re.compile(r"\s(--chdir\b|-D)")


@dataclass(frozen=True)
class BatchJob:
    """A job script, ``job.sh`` in a folder of its own, and how to submit it."""

    name: str
    """The name by which it is found again, before Slurm is told it."""
    folder: Path
    """Each array task's log goes to the folder, or link, of its number below."""
    options: Mapping[str, str | None]
    """The user's options of sbatch, by long name; ``None`` for a flag."""
    is_array: bool
    is_placed: bool
    """Whether the job runs in ``folder``, and not where its user wants it to."""

    @property
    def script(self) -> Path:
        """What is submitted."""
        return self.folder / "job.sh"

    def sbatch_options(self, tasks: range) -> tuple[str, ...]:
        """Return the options for sbatch's command line.

        Args:
            tasks: The array tasks to submit; one that is no array has no use for them.
        """
        # In the path of a log, and only there, %x and the like are replaced.
        escaped = str(self.folder).replace("%", "%%")
        log = f"{escaped}/%a/log.txt" if self.is_array else f"{escaped}/log.txt"
        users = [
            f"--{option}" if value is None else f"--{option}={value}"
            for option, value in self.options.items()
        ]
        managed = [
            f"--job-name={job_name(self.name)}",
            f"--output={log}",
            f"--error={log}",
            # A job that is requeued, or a late ghost, must not wipe the log out.
            "--open-mode=append",
        ]
        if self.is_placed:
            managed.append(f"--chdir={self.folder}")
        if self.is_array:
            managed.append(f"--array={tasks[0]}-{tasks[-1]}")
        return (*users, *managed)


#: The tasks of a job that is no array, for all that counts tasks.
SINGLE = range(1)


def job_name(name: str) -> str:
    """Return the name of a job as Slurm is told it."""
    return _UNSAFE.sub("_", name)


def chooses_folder(directives: Iterable[str], options: Mapping[str, object]) -> bool:
    """Whether a job is told by its user where to run."""
    return "chdir" in options or any(_CHDIR.search(line) for line in directives)

"""What is given to sbatch on its command line.

There it wins over ``#SBATCH`` lines and over variables such as ``SBATCH_JOB_NAME``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Anything else might mean something to Slurm, or not come back as it was.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:+@-]")

#: A template's own choice of the working directory.
_CHDIR = re.compile(r"\s(--chdir\b|-D)")


def job_name(name: str) -> str:
    """Return the name of a job as Slurm is told it."""
    return _UNSAFE.sub("_", name)


def chooses_folder(directives: Iterable[str], options: Mapping[str, object]) -> bool:
    """Whether a job is told by its user where to run."""
    return "chdir" in options or any(_CHDIR.search(line) for line in directives)


def sbatch_options(
    name: str,
    options: Mapping[str, str | None],
    folder: Path,
    tasks: range | None,
    *,
    is_placed: bool,
) -> tuple[str, ...]:
    """Return the options of a job whose script is in ``folder``.

    Args:
        name: The name by which it is found again.
        options: The user's, by long name; ``None`` for a flag.
        folder: Where its log goes, or its tasks' logs below.
        tasks: The array tasks; ``None`` for a single job.
        is_placed: Whether it runs in ``folder``.
    """
    # In the path of a log, and only there, %x and the like are replaced.
    escaped = str(folder).replace("%", "%%")
    log = f"{escaped}/log.txt" if tasks is None else f"{escaped}/%a/log.txt"
    users = [
        f"--{option}" if value is None else f"--{option}={value}"
        for option, value in options.items()
    ]
    managed = [
        f"--job-name={job_name(name)}",
        f"--output={log}",
        f"--error={log}",
        # A job that is requeued, or a late ghost, must not wipe the log out.
        "--open-mode=append",
    ]
    if is_placed:
        managed.append(f"--chdir={folder}")
    if tasks is not None:
        managed.append(f"--array={tasks[0]}-{tasks[-1]}")
    return (*users, *managed)

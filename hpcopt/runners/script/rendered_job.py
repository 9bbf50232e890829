"""What one attempt runs, as text; nothing of it is written yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcopt.runners.protocol import Submission


@dataclass(frozen=True)
class RenderedJob:
    """What one attempt runs, as text; nothing of it is written yet."""

    script: str
    """The rendered template."""
    job: str
    """The wrapper, with the template's ``#SBATCH`` lines."""
    directives: tuple[str, ...]
    """The template's ``#SBATCH`` lines."""
    options: Mapping[str, str | None]
    """Options for sbatch's command line by long name; ``None`` for a flag."""
    parameters: str
    """The parameterization, as JSON."""
    variables: Mapping[str, str]
    """The script's environment, as far as it is the trial's own."""
    python_path: str
    """A folder to look for Python modules in before all others; empty for none."""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hexadecimal."""
        options = json.dumps(dict(self.options), sort_keys=True)
        parts = "\0".join((self.script, self.job, options, self.parameters))
        return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()


def digest(rendered: Sequence[RenderedJob]) -> str:
    """Return one SHA-256, in hexadecimal, of all that a submission runs."""
    digests = "\n".join(job.digest for job in rendered)
    return hashlib.sha256(digests.encode()).hexdigest()


def shared_directives(
    submission: Submission, rendered: Sequence[RenderedJob]
) -> tuple[str, ...]:
    """Return the ``#SBATCH`` lines that all attempts of a submission have."""
    shared = rendered[0].directives
    if any(job.directives != shared for job in rendered):
        raise ValueError(f"{submission.name}: its tasks differ in #SBATCH lines")
    return shared

"""What one attempt runs, as text; nothing of it is written yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcopt.core.errors import ConfigError
from hpcopt.runners.protocol import Submission
from hpcopt.runners.script.lint import FORBIDDEN, full_name
from hpcopt.runners.script.sbatch_lines import directives


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


def checked_directives(script: str, template: Path) -> tuple[str, ...]:
    """Return the ``#SBATCH`` lines of a script.

    Raises:
        ConfigError: The script has no shebang, or a ``#SBATCH`` line that sbatch would
            not see or that hpcopt cannot have.
    """
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        raise ConfigError(
            f"{template}, line 1: expected a shebang such as #!/bin/bash, "
            f"found {first!r}"
        )
    found = directives(script)
    for each in found:
        where = f"{template}, line {each.line} of the script"
        if each.after:
            raise ConfigError(
                f"{where}: {each.text!r} stands after the first command, "
                f"{each.after!r}; sbatch does not look at it there"
            )
        try:
            names = {full_name(name) for name, _ in each.options}
        except ValueError as exc:
            raise ConfigError(f"{where}: {each.text!r}: {exc}") from exc
        for name in sorted(names & FORBIDDEN.keys()):
            raise ConfigError(
                f"{where}: --{name} cannot be used in a trial's script: "
                f"{FORBIDDEN[name]}"
            )
    return tuple(each.text for each in found)

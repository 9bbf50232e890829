"""What one attempt runs, as text; nothing of it is written yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcopt.core.trials.cost import REQUESTED
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.requested import requested


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
    first_options: Mapping[str, str | None]
    """Those of the trial's first attempt, before more was given of anything."""
    parameters: str
    """The parameterization, as JSON."""
    variables: Mapping[str, str]
    """The script's environment, as far as it is the trial's own."""
    python_path: str
    """A folder to look for Python modules in before all others; empty for none."""
    is_named: bool
    """Whether any of it says the name under which it is submitted."""

    @property
    def changed_options(self) -> dict[str, JSONValue]:
        """The options that differ from those of the trial's first attempt."""
        return {
            option: value
            for option, value in self.options.items()
            if value != self.first_options.get(option)
        }

    @property
    def requested(self) -> dict[str, JSONValue]:
        """The CPUs, nodes and GPUs that are asked for, where the options tell."""
        return requested(self.options, self.directives)

    @property
    def metadata(self) -> dict[str, JSONValue]:
        """What an attempt's metadata tell of its options and of what it asks for."""
        changed = self.changed_options
        return {**({"options": changed} if changed else {}), REQUESTED: self.requested}

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

"""The site's Slurm: whether there is one, its configuration and its partitions."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hpcopt.core.errors import ConfigError, PollError, RunnerError
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.messages import NO_CLUSTER


@dataclass(frozen=True)
class Site:
    """Facts about a Slurm installation, for a person to read."""

    version: str
    has_accounting: bool
    max_array_size: int
    message_timeout_s: int
    min_job_age_s: int
    """How long the controller remembers a job that has ended."""
    partitions: tuple[str, ...]


class SiteLimits:
    """The numbers of the configuration that hpcopt goes by; asked for once."""

    def __init__(self, commands: SlurmCommands) -> None:
        self._commands = commands

    @cached_property
    def config(self) -> Mapping[str, str]:
        """All of ``scontrol show config``.

        Raises:
            PollError: The controller does not answer.
        """
        return parse_config(self._commands.query("scontrol", ["show", "config"]))

    @property
    def message_timeout_s(self) -> int:
        """How long a client of the controller waits for an answer."""
        return number(self.config, "MessageTimeout", 10)

    @property
    def max_array_size(self) -> int:
        """One more than the largest index in a job array."""
        return number(self.config, "MaxArraySize", 1001)

    @property
    def min_job_age_s(self) -> int:
        """How long the controller remembers a job that has ended."""
        return number(self.config, "MinJobAge", 300)

    def requeues(self, exit_code: int) -> bool:
        """Whether Slurm may run a job again that has ended with this exit code.

        It may, for all that is known, while the controller does not answer.
        """
        try:
            config = self.config
        except PollError:
            return True
        listed = [config.get(name, "") for name in ("RequeueExit", "RequeueExitHold")]
        spans = re.findall(r"(\d{1,3})(?:-(\d{1,3}))?", ",".join(listed), re.ASCII)
        return any(int(low) <= exit_code <= int(high or low) for low, high in spans)

    @cached_property
    def _n_nodes(self) -> Mapping[str, int]:
        """How many nodes each partition has; the default one is ``""``, too.

        Raises:
            PollError: The controller does not answer.
        """
        n_nodes: Counter[str] = Counter()
        for line in self._commands.query("sinfo", ["-h", "-o", "%P %D"]).splitlines():
            name, _, n = line.strip().rpartition(" ")
            if n.isdecimal():
                n_nodes[name.removesuffix("*")] += int(n)
                if name.endswith("*"):
                    n_nodes[""] += int(n)
        return n_nodes

    def n_spare_nodes(self, partitions: str) -> int:
        """Return how many nodes a job may do without: half of a partition's.

        None where the controller does not answer: a node that is down is given no jobs
        anyway.

        Args:
            partitions: As sbatch takes them, the smallest counts; nothing for the
                default one.
        """
        try:
            n_nodes = self._n_nodes
        except PollError:
            return 0
        return min(n_nodes.get(name, 0) for name in partitions.split(",")) // 2


def is_available(commands: SlurmCommands | None = None) -> bool:
    """Whether there is a Slurm cluster to submit to.

    Raises:
        ConfigError: SLURM_CONF names no file.
        RunnerError: There is one, and its controller does not answer. Trials are not
            run elsewhere then: a login node is no place for them.
    """
    if shutil.which("sbatch") is None:
        return False
    conf = os.environ.get("SLURM_CONF")
    if conf and not Path(conf).is_file():
        # Slurm's commands would look for it for a minute.
        raise ConfigError(f"SLURM_CONF: expected a file, found none at {conf}")
    answer = (commands or SlurmCommands()).run("scontrol", ["ping"])
    if " UP" in answer.out:
        return True
    if NO_CLUSTER in answer.err:
        return False
    found = "it is down" if " DOWN" in answer.out else answer.failure
    raise RunnerError(
        f"expected an answer of Slurm's controller, but {found}; try again when it is "
        "up, or run on this machine with --local"
    )


def describe(commands: SlurmCommands) -> Site:
    """Return what there is to know about this site.

    Raises:
        PollError: The controller does not answer.
    """
    limits = SiteLimits(commands)
    storage = limits.config.get("AccountingStorageType", "")
    partitions = commands.query("sinfo", ["-h", "-o", "%R"]).split()
    return Site(
        version=limits.config.get("SLURM_VERSION", "unknown"),
        has_accounting=storage not in {"", "(null)", "accounting_storage/none"},
        max_array_size=limits.max_array_size,
        message_timeout_s=limits.message_timeout_s,
        min_job_age_s=limits.min_job_age_s,
        partitions=tuple(dict.fromkeys(partitions)),
    )


def parse_config(text: str) -> dict[str, str]:
    """Return the ``name = value`` lines of ``scontrol show config``."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def number(config: Mapping[str, str], name: str, default: int) -> int:
    """Return the number in ``10 sec`` or ``10001``; ``default`` if there is none."""
    match = re.match(r"\d{1,9}", config.get(name, ""), re.ASCII)
    return int(match[0]) if match else default

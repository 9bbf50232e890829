"""Giving an attempt more memory, more time, or other nodes than the first one had.

What a first attempt has is said by ``job.slurm``, or by the template's ``#SBATCH``
lines. What is changed goes on sbatch's command line, which wins over these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.runners.script.sbatch_lines import option_value
from hpcopt.runners.script.time_limit import format_slurm_time, parse_slurm_time

Options = Mapping[str, str | None]

#: How memory is asked for; a job is asked for it in one of these ways.
_MEMORY_OPTIONS = ("mem", "mem-per-cpu", "mem-per-gpu")

_MEMORY = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?([KMGT]?)B?", re.IGNORECASE | re.ASCII)
_MEGABYTES = {"K": 1 / 1024, "": 1.0, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


@dataclass(frozen=True)
class ResourceEscalation:
    """What an attempt may be given more of than the one before, and how much at most.

    The caps of memory are compared with what the option says, be it a node's memory or
    that of one CPU or one GPU.
    """

    memory: bool = False
    memory_cap_mb: float = math.inf
    time: bool = False
    time_cap_s: float = math.inf

    def apply(
        self, options: Options, lines: Sequence[str], adjustment: Adjustment
    ) -> dict[str, str | None]:
        """Return the options of sbatch for an attempt.

        Args:
            options: Those of a first attempt, by long name.
            lines: The template's ``#SBATCH`` lines.
            adjustment: How the attempt differs from a first one.

        Raises:
            ConfigError: More shall be given of something, and nothing says how much of
                it a first attempt gets.
        """
        adjusted = dict(options)
        if self.memory:
            adjusted |= self._memory(options, lines, adjustment.memory)
        if self.time:
            adjusted |= self._time(options, lines, adjustment.time)
        if adjustment.avoid:
            users = option_value("exclude", options, lines)
            adjusted["exclude"] = ",".join(filter(None, [users, *adjustment.avoid]))
        return adjusted

    def _memory(
        self, options: Options, lines: Sequence[str], factor: float
    ) -> dict[str, str]:
        for option in _MEMORY_OPTIONS:
            text = option_value(option, options, lines)
            if text:
                first_mb = parse_memory_mb(text, f"job.slurm.{option}")
                if factor == 1.0 or not first_mb:  # 0 is all that a node has
                    return {}
                most_mb = max(first_mb, self.memory_cap_mb)
                return {option: f"{math.ceil(min(most_mb, first_mb * factor))}M"}
        raise ConfigError(
            "job.on.memory: expected job.slurm or the template to say how much memory "
            "a trial gets (mem, mem_per_cpu or mem_per_gpu), so that a retry can have "
            "more; found none"
        )

    def _time(
        self, options: Options, lines: Sequence[str], factor: float
    ) -> dict[str, str]:
        text = option_value("time", options, lines)
        if not text:
            raise ConfigError(
                "job.on.time: expected job.slurm or the template to give a time limit, "
                "so that a retry can have more; found none"
            )
        first_s = parse_slurm_time(text)
        if factor == 1.0 or first_s is None:
            return {}
        most_s = max(first_s, self.time_cap_s)
        return {"time": format_slurm_time(min(most_s, first_s * factor))}


def parse_memory_mb(text: str, where: str) -> float:
    """Return the megabytes of an amount of memory as Slurm takes it: ``4000``, ``4G``.

    Raises:
        ConfigError: ``text`` is none; the message begins with ``where``.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"{where}: expected an amount of memory such as 4000M or 64G, "
            f"found {text!r}"
        )
    whole, fraction, unit = match.groups()
    return float(f"{whole}.{fraction or 0}") * _MEGABYTES[unit.upper()]


NO_ESCALATION = ResourceEscalation()

"""Time limits as Slurm writes them."""

from __future__ import annotations

import math
import re

from hpcopt.core.errors import ConfigError

_PATTERN = re.compile(
    r"(?:(?P<days>\d+)-(?P<d_hours>\d+)(?::(?P<d_minutes>\d+)(?::(?P<d_seconds>\d+))?)?"
    r"|(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)"
    r"|(?P<m_minutes>\d+)(?::(?P<m_seconds>\d+))?)",
    re.ASCII,
)

_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse_slurm_time(text: str, where: str = "job.slurm.time") -> float | None:
    """Return the seconds of a time limit as ``sbatch --time`` takes it.

    That is ``minutes``, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``,
    ``days-hours:minutes`` or ``days-hours:minutes:seconds``. ``None`` is no limit:
    ``UNLIMITED``, ``INFINITE`` or 0.

    Raises:
        ConfigError: ``text`` is none of these.
    """
    if text.strip().lower() in ("unlimited", "infinite", "-1"):
        return None
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"{where}: expected a time such as 30, 30:00, 01:30:00 or 1-12:00:00, "
            f"found {text!r}"
        )
    seconds = sum(
        _SECONDS[name.rpartition("_")[2]] * int(number)
        for name, number in match.groupdict(default="0").items()
    )
    return float(seconds) if seconds else None


def format_slurm_time(seconds: float) -> str:
    """Return a time limit as ``sbatch --time`` takes it, in whole seconds."""
    minutes, second = divmod(max(1, math.ceil(seconds)), 60)
    days, minutes = divmod(minutes, 24 * 60)
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{days}-{clock}" if days else clock

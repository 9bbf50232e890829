"""What an attempt asks Slurm for: CPUs, nodes and GPUs, by its options.

It is what an attempt is taken to have had where no accounting tells what it got.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hpcopt.core.types import JSONValue
from hpcopt.runners.script.sbatch_lines import directives

#: ``gpu``, ``gpu:2``, ``gpu:a100:2`` among generic resources.
_GPU_RESOURCE = re.compile(r"gpu(?::[^:,]*[^:,\d][^:,]*)?(?::(\d+))?", re.ASCII)


def requested(
    options: Mapping[str, str | None], lines: Sequence[str]
) -> dict[str, JSONValue]:
    """Return what is asked for: ``cpus``, ``nodes``, and ``gpus`` where there are any.

    ``cpus`` is missing where the options do not tell: with ``--exclusive`` it is all
    that the nodes have.

    Args:
        options: The options of sbatch's command line, by long name.
        lines: The ``#SBATCH`` lines of the script, which the options go before.
    """
    asked = {
        name: value
        for each in directives("\n".join(lines))
        for name, value in each.options
    } | dict(options)
    nodes = _count(asked.get("nodes")) or 1
    tasks = _count(asked.get("ntasks"))
    if tasks is None:
        tasks = nodes * (_count(asked.get("ntasks-per-node")) or 1)
    gpus = _gpus(asked, nodes, tasks)
    per_gpu = _count(asked.get("cpus-per-gpu"))
    found: dict[str, JSONValue] = {"nodes": nodes}
    if "exclusive" not in asked:
        found["cpus"] = (
            gpus * per_gpu
            if gpus and per_gpu
            else tasks * (_count(asked.get("cpus-per-task")) or 1)
        )
    if gpus:
        found["gpus"] = gpus
    return found


def _gpus(asked: Mapping[str, str | None], nodes: int, tasks: int) -> int | None:
    """Return how many GPUs are asked for; ``None`` if none are."""
    if (total := _typed_count(asked.get("gpus"))) is not None:
        return total
    for option, times in (("gpus-per-node", nodes), ("gpus-per-task", tasks)):
        if (each := _typed_count(asked.get(option))) is not None:
            return each * times
    resources = re.sub(r"\([^)]*\)", "", asked.get("gres") or "").split(",")
    matches = [_GPU_RESOURCE.fullmatch(one.removeprefix("gres:")) for one in resources]
    found = [int(match[1] or 1) for match in matches if match is not None]
    return nodes * sum(found) if found else None


def _count(text: str | None) -> int | None:
    """Return the number in ``4``, the lower one in ``2-4``; ``None`` if there is none.

    A range of nodes is given as few as are free, so that the lower is the likelier.
    """
    match = re.match(r"\s*(\d{1,9})", text or "", re.ASCII)
    return None if match is None else int(match[1])


def _typed_count(text: str | None) -> int | None:
    """Return the number in ``2`` or ``a100:2``, the sum of several."""
    counts = [_count(part.rpartition(":")[2]) for part in (text or "").split(",")]
    known = [n for n in counts if n is not None]
    return sum(known) if known else None

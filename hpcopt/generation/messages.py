"""The lines that a driver and its generator process exchange. Loads no torch."""

from __future__ import annotations

import dataclasses
import json

from hpcopt.core.errors import GenerationError
from hpcopt.generation.protocol import Generation, Snapshot, Suggestion


def write_request(n: int, snapshot: Snapshot) -> bytes:
    """Return the line that asks for ``n`` parameterizations."""
    return _line({"n": n, "snapshot": snapshot.to_json()})


def read_request(line: bytes) -> tuple[int, Snapshot]:
    """Return what ``write_request`` was given."""
    record = json.loads(line)
    return record["n"], Snapshot.from_json(record["snapshot"])


def write_answer(answer: Generation | GenerationError) -> bytes:
    """Return the line that answers a request."""
    if isinstance(answer, GenerationError):
        return _line({"error": str(answer)})
    return _line({"generation": dataclasses.asdict(answer)})


def read_answer(line: bytes) -> Generation:
    """Return the generation that was written.

    Raises:
        GenerationError: One was written.
    """
    record = json.loads(line)
    if "error" in record:
        raise GenerationError(record["error"])
    fields = record["generation"]
    suggestions = tuple(Suggestion(**fields) for fields in fields.pop("suggestions"))
    return Generation(suggestions=suggestions, **fields)


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"

"""The lines that a driver and its generator process exchange. Loads no torch."""

from __future__ import annotations

import dataclasses
import json

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.generation.protocol import Generation, Rung, Snapshot, Suggestion


def write_request(n: int, snapshot: Snapshot, rung: Rung = Rung.FULL) -> bytes:
    """Return the line that asks for ``n`` parameterizations."""
    return _line({"n": n, "snapshot": snapshot.to_json(), "rung": rung})


def read_request(line: bytes) -> tuple[int, Snapshot, Rung]:
    """Return what ``write_request`` was given."""
    record = json.loads(line)
    snapshot = Snapshot.from_json(record["snapshot"])
    return record["n"], snapshot, Rung(record["rung"])


def write_answer(answer: Generation | GenerationError | ConfigError) -> bytes:
    """Return the line that answers a request."""
    match answer:
        case GenerationError():
            return _line({"error": str(answer)})
        case ConfigError():
            return _line({"refusal": str(answer)})
    return _line({"generation": dataclasses.asdict(answer)})


def read_answer(line: bytes) -> Generation:
    """Return the generation that was written.

    Raises:
        GenerationError: One was written.
        ConfigError: One was written: no request will ever be answered.
    """
    record = json.loads(line)
    if "error" in record:
        raise GenerationError(record["error"])
    if "refusal" in record:
        raise ConfigError(record["refusal"])
    fields = record["generation"]
    suggestions = tuple(Suggestion(**fields) for fields in fields.pop("suggestions"))
    rung = Rung(fields.pop("rung"))
    return Generation(suggestions=suggestions, rung=rung, **fields)


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"

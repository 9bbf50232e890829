"""The generator's own process: a request a line on stdin, an answer a line on stdout.

``ProcessService`` starts it as ``python -m hpcopt.generation.service.server``, and
reads and writes the other end of the lines by the functions here. The process ends when
its stdin does, so that it never outlives its driver.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
from typing import BinaryIO

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.generation.protocol import (
    FallbackLevel,
    Generation,
    Generator,
    Suggestion,
)
from hpcopt.generation.service.environment import environment
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec

#: The driver, and the login node's other users, come first.
_NICENESS = 5


def write_request(
    n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
) -> bytes:
    """Return the line that asks for ``n`` parameterizations."""
    return _line({"n": n, "snapshot": snapshot.to_json(), "level": level})


def read_request(line: bytes) -> tuple[int, Snapshot, FallbackLevel]:
    """Return what ``write_request`` was given."""
    record = json.loads(line)
    snapshot = Snapshot.from_json(record["snapshot"])
    return record["n"], snapshot, FallbackLevel(record["level"])


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
    level = FallbackLevel(fields.pop("level"))
    return Generation(suggestions=suggestions, level=level, **fields)


def main() -> None:
    """Answer requests until there are no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", help="a GeneratorSpec, as JSON")
    spec = GeneratorSpec.from_json(json.loads(parser.parse_args().spec))
    os.nice(_NICENESS)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    answers = _private_stdout()
    try:
        serve(spec, sys.stdin.buffer, answers)
    except BrokenPipeError:
        sys.exit("the driver is gone")


def serve(spec: GeneratorSpec, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line of ``requests`` by one of ``answers``."""
    # Not for the driver, which reads and writes these lines too: it loads scipy.
    from hpcopt.generation.factory import make_generator

    here = environment(spec.threads)
    generator: Generator | None = None
    for line in requests:
        n, snapshot, level = read_request(line)
        try:
            generator = generator or make_generator(spec)
            generation = generator.generate(n, snapshot, level)
            answer = write_answer(generation.recording(here, snapshot.environment))
        except (GenerationError, ConfigError) as exc:
            answer = write_answer(exc)
        answers.write(answer)
        answers.flush()
        # The first trials run for a while: the time to load what the models need.
        if generator is not None:
            generator.warm_up()


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def _private_stdout() -> BinaryIO:
    """Return stdout, and let whatever prints there go to stderr instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()

"""The generator's own process: a request a line on stdin, an answer a line on stdout.

``ProcessService`` starts it as ``python -m hpcopt.generation.service.server``. It
ends when its stdin does, so that it never outlives its driver.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from typing import BinaryIO

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.generation.factory import RecordingGenerator, make_generator
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.generation.service.messages import read_request, write_answer

#: The driver, and the login node's other users, come first.
_NICENESS = 5


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
        _serve(spec, sys.stdin.buffer, answers)
    except BrokenPipeError:
        sys.exit("the driver is gone")


def _serve(spec: GeneratorSpec, requests: BinaryIO, answers: BinaryIO) -> None:
    generator: RecordingGenerator | None = None
    for line in requests:
        n, snapshot, rung = read_request(line)
        try:
            generator = generator or make_generator(spec)
            answer = write_answer(generator.generate(n, snapshot, rung))
        except (GenerationError, ConfigError) as exc:
            answer = write_answer(exc)
        answers.write(answer)
        answers.flush()
        # The first trials run for a while: the time to load torch, which takes seconds.
        if generator is not None:
            generator.warm_up()


def _private_stdout() -> BinaryIO:
    """Return stdout, and let whatever prints there go to stderr instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()

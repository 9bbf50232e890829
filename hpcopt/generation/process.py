"""The generator's own process: a request a line on stdin, an answer a line on stdout.

``ProcessService`` starts it as ``python -m hpcopt.generation.process``. It ends when
its stdin does, so that it never outlives its driver.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import BinaryIO

from hpcopt.core.errors import GenerationError
from hpcopt.generation.messages import read_request, write_answer
from hpcopt.generation.strategy import BayesianGenerator

#: The driver, and the login node's other users, come first.
_NICENESS = 5


def main() -> None:
    """Answer requests until there are no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=["auto", "sobol"], default="auto")
    parser.add_argument("--n-initial", type=int)
    options = parser.parse_args()
    os.nice(_NICENESS)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    answers = _private_stdout()
    generator = BayesianGenerator(n_initial=options.n_initial, method=options.method)
    try:
        _serve(generator, sys.stdin.buffer, answers)
    except BrokenPipeError:
        sys.exit("the driver is gone")


def _serve(generator: BayesianGenerator, requests: BinaryIO, answers: BinaryIO) -> None:
    for line in requests:
        n, snapshot = read_request(line)
        try:
            answer = write_answer(generator.generate(n, snapshot))
        except GenerationError as exc:
            answer = write_answer(exc)
        answers.write(answer)
        answers.flush()
        # The first trials run for a while: the time to load torch, which takes seconds.
        generator.warm_up()


def _private_stdout() -> BinaryIO:
    """Return stdout, and let whatever prints there go to stderr instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()

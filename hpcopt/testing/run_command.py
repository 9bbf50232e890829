"""Runs one of a fake Slurm's commands: ``run_command.py FOLDER COMMAND WORD...``.

It is run by a bare interpreter, without site-packages, to start fast.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main(folder: str, command: str, words: list[str]) -> int:
    """Run the command and return its exit code."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from hpcopt.testing.store import WorldStore

    reply = WorldStore(Path(folder)).run(command, words, os.environ)
    sys.stdout.write(reply.out)
    sys.stderr.write(reply.err)
    sys.stdout.flush()
    if reply.hangs:
        signal.pause()
    return reply.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

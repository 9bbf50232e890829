"""``python -m hpcopt.pack``, as job scripts of 0.1.0 that wait in a queue call it."""

from __future__ import annotations

import sys

from hpcopt.node.pack import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

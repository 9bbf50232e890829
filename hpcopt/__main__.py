"""``python -m hpcopt``: the command line."""

from __future__ import annotations

from hpcopt.cli.main import main

if __name__ == "__main__":
    main()

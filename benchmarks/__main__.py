"""List the benchmarks, or run one: ``python benchmarks [NAME [OPTION...]]``.

``scripts/bench`` calls it in hpcopt's environment, and a benchmark calls it in that of
a peer. Of modules that are no benchmarks, ``NAME`` is the path without its ``.py``.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GROUPS = ("quality", "slurm", "scale")


def benchmarks() -> dict[str, Path]:
    """Return the modules of the benchmarks by name, such as ``slurm/kills``.

    A group's ``__main__`` has the name of the group.
    """
    found = {}
    for group in GROUPS:
        for path in sorted((HERE / group).glob("*.py")):
            if path.name == "__main__.py":
                found[group] = path
            elif not path.name.startswith("_"):
                found[f"{group}/{path.stem}"] = path
    return found


def summary(path: Path) -> str:
    """Return the first line of a module's documentation."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def module(name: str) -> str | None:
    """Return the dotted name of the module that is meant; ``None`` if there is none.

    The group may be left out: no two groups have a benchmark of one name.
    """
    known = benchmarks()
    ends = [path for key, path in known.items() if key.rpartition("/")[2] == name]
    path = known.get(name) or (ends[0] if ends else HERE / f"{name}.py")
    if not path.is_file():
        return None
    return ".".join(path.relative_to(HERE.parent).with_suffix("").parts)


def main() -> None:
    """Run what the first argument names."""
    # Not the folder of this file, which is no package's.
    sys.path[0] = str(HERE.parent)
    if len(sys.argv) < 2:
        for name, path in benchmarks().items():
            print(f"{name:24} {summary(path)}")
        return
    name = sys.argv.pop(1)
    if (found := module(name)) is None:
        known = ", ".join(benchmarks())
        print(f"there is no benchmark {name}; there are: {known}", file=sys.stderr)
        sys.exit(2)
    runpy.run_module(found, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""Runs of one method in the environment of its package, kept as they end.

    python benchmarks quality/protocol/worker MODULE METHOD FOLDER
        --problems NAME… --seeds FIRST END --settings KEY=VALUE…
        [--seconds 600] [--again]

``MODULE``, such as ``quality/targets``, has a function ``run(method, problem, seed,
settings)`` that returns a :class:`benchmarks.common.results.Run`. Runs that the folder
holds are passed over, so that it can be stopped and continued.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from benchmarks.common import results
from benchmarks.common.environments import python_for
from benchmarks.common.paths import RESULTS, command


def work(
    module: str,
    method: str,
    folder: Path,
    *,
    problems: Sequence[str],
    seeds: range,
    settings: Mapping[str, str],
    seconds: float = float("inf"),
    again: bool = False,
    path: Path | None = None,
) -> None:
    """Run a method on problems, in a process of its package's environment.

    Args:
        module: What runs it, such as ``quality/targets``.
        method: Its name, which begins with that of its package.
        folder: Where the runs are kept.
        problems: Their names.
        seeds: Each problem's.
        settings: What the runs' rows say of how they were run.
        seconds: After so many no further run begins.
        again: Whether runs that are there are replaced.
        path: Where further modules are found.

    Raises:
        CalledProcessError: A run failed, or the environment could not be made.
    """
    words = ["quality/protocol/worker", module, method, str(folder)]
    words += ["--problems", *problems]
    words += ["--seeds", str(seeds.start), str(seeds.stop)]
    words += ["--settings", *(f"{key}={value}" for key, value in settings.items())]
    words += ["--seconds", str(seconds), *(["--again"] if again else [])]
    subprocess.run(
        command(*words, python=python_for(method)),
        env=os.environ | ({"PYTHONPATH": str(path)} if path else {}),
        check=True,
    )


@contextmanager
def folder_of(benchmark: str, *, is_kept: bool) -> Iterator[Path]:
    """Yield where the runs of a benchmark are kept, perhaps only for as long."""
    if is_kept:
        yield RESULTS / benchmark
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module")
    parser.add_argument("method")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--problems", nargs="+", required=True)
    parser.add_argument("--seeds", nargs=2, type=int, required=True)
    parser.add_argument("--settings", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--again", action="store_true", help="also what is there")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    run = importlib.import_module(f"benchmarks.{options.module.replace('/', '.')}").run
    folder = options.folder.absolute()
    settings = dict(word.split("=", 1) for word in options.settings)
    done = {
        (known.problem, known.seed)
        for known in results.read(folder, settings)
        if known.method == options.method and not options.again
    }
    deadline = time.monotonic() + options.seconds
    # What a package writes into the current folder is nobody's.
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        for seed in range(*options.seeds):
            for problem in options.problems:
                if (problem, seed) in done:
                    continue
                if time.monotonic() > deadline:
                    return
                ended: results.Run = run(options.method, problem, seed, settings)
                results.keep(folder, [ended])
                print(
                    f"{ended.method} {problem} {seed}: {ended.best[-1]:.6g}", flush=True
                )


if __name__ == "__main__":
    main()

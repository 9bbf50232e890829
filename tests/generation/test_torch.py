"""Torch is loaded where a model is asked, and nowhere else."""

from __future__ import annotations

import subprocess
import sys


def test_points_of_the_initial_design_load_no_torch() -> None:
    code = (
        "import sys\n"
        "from hpcopt.core.goals.goals import parse_goals\n"
        "from hpcopt.core.space.search_space import RangeParameter, SearchSpace\n"
        "from hpcopt.generation.snapshot import Snapshot\n"
        "from hpcopt.generation.strategy import BayesianGenerator\n"
        "space = SearchSpace((RangeParameter('x', 0.0, 1.0),))\n"
        "now = Snapshot(space, parse_goals('-loss', []), 0, 0, 0)\n"
        "print(len(BayesianGenerator().generate(2, now).suggestions))\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "False"]

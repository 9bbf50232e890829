"""Results of benchmarks: rows that say where they come from, and the tables of them."""

from __future__ import annotations

import csv
import gzip
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common import provenance as where
from benchmarks.common import results
from benchmarks.common.paths import RESULTS
from benchmarks.quality import __main__ as quality
from benchmarks.quality import in_flight
from benchmarks.quality.__main__ import COMPARED, tables
from benchmarks.quality.protocol.problems import PROBLEMS, SETS, Value
from benchmarks.quality.protocol.simulate import run as run_protocol
from benchmarks.quality.protocol.simulate import settings, share_near
from hpcopt import __version__

RUN = results.Run(
    method="hpcopt",
    problem="spill, 12 squares",
    seed=3,
    settings={"trials": "3", "order": "fifo"},
    best=(float("inf"), 1.25, -3.32237),
    trial_seconds=(0.0, 0.0125, 1.5),
    provenance=where.provenance("hpcopt"),
    seconds=12.5,
    found={"crashed": "2"},
)


def test_a_run_that_is_kept_is_read_again(tmp_path: Path) -> None:
    results.keep(tmp_path / "new", [RUN])
    assert list(results.read(tmp_path / "new")) == [RUN]
    unknown = replace(RUN, seed=4, seconds=None)
    results.keep(tmp_path / "new", [unknown])
    assert list(results.read(tmp_path / "new")) == [RUN, unknown]


def test_a_run_is_one_row(tmp_path: Path) -> None:
    results.keep(tmp_path, [RUN])
    with gzip.open(tmp_path / "hpcopt.csv.gz", "rt", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["best"] == "inf 1.25 -3.32237"
    assert row["trial_seconds"] == "0.0000 0.0125 1.5000"
    assert row["settings"] == "trials=3 order=fifo"
    assert row["found"] == "crashed=2"


def test_a_run_replaces_the_one_of_the_same_key_alone(tmp_path: Path) -> None:
    others = [replace(RUN, seed=4), replace(RUN, settings={"trials": "3"})]
    results.keep(tmp_path, [RUN, *others])
    again = replace(RUN, best=(1.0, 1.0, 1.0))
    results.keep(tmp_path, [again])
    assert list(results.read(tmp_path)) == [again, *others]


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        results.keep(tmp_path / folder, [RUN])
    a, b = ((tmp_path / folder / "hpcopt.csv.gz").read_bytes() for folder in "ab")
    assert a == b


def test_runs_are_read_by_their_settings(tmp_path: Path) -> None:
    results.keep(tmp_path, [RUN, replace(RUN, settings={"order": "random"})])
    assert list(results.read(tmp_path, {"order": "fifo"})) == [RUN]


def test_where_a_run_comes_from_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    here = where.provenance("hpcopt")
    assert here.package == f"hpcopt {__version__}"
    assert here.python == platform.python_version()
    assert here.noted == "run"
    assert here.threads == "default"
    assert here.cores == str(len(os.sched_getaffinity(0)))
    assert "" not in here.to_row().values()


def test_the_commit_is_that_of_the_code_or_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "ROOT", tmp_path)
    where.commit.cache_clear()
    assert where.commit() == where.UNKNOWN
    where.commit.cache_clear()


def test_the_results_say_where_they_come_from_and_stay_small() -> None:
    files = [path for path in RESULTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for folder in {path.parent for path in files}:
        for run in results.read(folder):
            assert (
                len(run.best) == len(run.trial_seconds) == int(run.settings["trials"])
            )
            assert all(text for name, text in run.to_row().items() if name != "found")
            assert run.provenance.noted in ("run", "history")
            assert run.provenance.commit != where.UNKNOWN


def test_the_tables_of_the_document_are_those_of_the_rows() -> None:
    assert quality.SECTION.read() == tables(COMPARED, list(SETS))
    how = settings(in_flight.N_TRIALS, in_flight.IN_FLIGHT, "random")
    assert in_flight.SECTION.read() == in_flight.table(how)


def test_trials_are_near_where_no_parameter_differs_by_more_than_a_hundredth() -> None:
    branin = PROBLEMS["branin2"]  # the ranges are 15
    points = [[0.0, 5.0], [0.14, 5.14], [0.0, 5.4], [0.4, 5.0]]
    assert share_near(branin, points) == 0.5
    assert share_near(branin, [points[0], points[3]]) == 0.0


def test_trials_of_different_words_are_not_near() -> None:
    mixed = PROBLEMS["rosenbrock4-mixed"]
    points: list[list[Value]]
    points = [[3, 0.0, "v0", 0.0], [3, 0.0, "v1", 0.0], [4, 0.0, "v0", 0.0]]
    assert share_near(mixed, points) == 0.0
    assert share_near(mixed, [*points, points[0]]) == 0.5


def test_a_run_tells_what_would_be_picked_by_its_noisy_outcomes() -> None:
    noisy = run_protocol("sobol", "branin2-noisy", 0, settings(40, 4, "random"))
    exact = run_protocol("sobol", "branin2", 0, settings(40, 4, "random"))
    assert noisy.best == exact.best
    assert float(exact.found["picked"]) == pytest.approx(exact.best[-1], rel=1e-5)
    assert float(noisy.found["picked"]) > noisy.best[-1]

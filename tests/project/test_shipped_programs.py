"""The programs beside the shipped configs, run by the job scripts of their configs."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from scipy.integrate import solve_ivp

from hpcopt.config.file import load_config
from hpcopt.config.specs import job_runner
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.runners.protocol import AttemptRequest

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[2] / "configs"
DATA = CONFIGS / "epidemic" / "boarding_school_1978.csv"

needs_h5cc = pytest.mark.skipif(
    shutil.which("h5cc") is None, reason="h5cc is not installed (libhdf5-dev)"
)
needs_mpi = pytest.mark.skipif(
    shutil.which("h5cc") is None or shutil.which("mpicc") is None,
    reason="h5cc or mpicc is not installed (libhdf5-dev, libopenmpi-dev)",
)
needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


def start(
    name: str, parameters: dict[str, Any], experiment: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run a trial of a shipped config and return the attempt's folder."""
    loaded = load_config(CONFIGS / f"{name}.yaml")
    loaded.config.search_space().check(parameters)
    config = loaded.config.model_copy(update={"folder": str(experiment)})
    loaded = dataclasses.replace(loaded, config=config)
    scripts = job_runner(loaded, "local").scripts(config.name, loaded.folder)
    request = AttemptRequest(trial_index=0, number=0, parameters=parameters)
    attempt = scripts.write(request, scripts.render(request, "hpcopt:test:0:0"))
    done = subprocess.run(
        ["bash", str(attempt.job)],
        capture_output=True,
        text=True,
        env={**os.environ, "HPCOPT_JOB_ID": "test"},
    )
    return attempt.path, done


def run(name: str, parameters: dict[str, Any], experiment: Path) -> Mapping[str, Any]:
    """Run a trial and return what its config's metrics fetch."""
    folder, done = start(name, parameters, experiment)
    assert done.returncode == 0, done.stdout + done.stderr
    metadata = {"folder": str(folder), "attempt": 0}
    return {
        spec.name: Hdf5Metric(**spec.model_dump()).fetch(0, metadata)
        for spec in load_config(CONFIGS / f"{name}.yaml").config.metrics
    }


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ((0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573), -3.32237),
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5), -0.50532),
    ],
    ids=["minimum", "centre"],
)
def test_hartmann6_has_its_published_values(
    tmp_path: Path, x: tuple[float, ...], expected: float
) -> None:
    parameters = {f"x{number}": value for number, value in enumerate(x, start=1)}
    found = run("hartmann6", parameters, tmp_path / "an experiment")
    assert found == {"loss": (0, pytest.approx(expected, abs=1e-5))}


@needs_sklearn
def test_digits_learns_and_records_its_learning_curve(tmp_path: Path) -> None:
    parameters = {
        "learning_rate": 0.01,
        "hidden_units": 64,
        "l2": 1e-3,
        "batch_size": 64,
        "activation": "relu",
    }
    found = run("digits", parameters, tmp_path / "an experiment")
    best_epoch, loss = found["loss"]
    last_epoch, accuracy = found["accuracy"]
    assert 0 < loss < 0.2
    assert 0.9 < accuracy < 1
    assert 1 <= best_epoch <= last_epoch == 30
    assert found["seconds"][1] > 0


def in_bed(days: list[float], parameters: Mapping[str, float]) -> Any:
    """Return the infectious boys of the SEIR model on each day."""

    def change(_: float, y: Any) -> list[float]:
        infections = parameters["transmission_rate"] * y[0] * y[2] / 763
        sickening = parameters["incubation_rate"] * y[1]
        return [
            -infections,
            infections - sickening,
            sickening - parameters["recovery_rate"] * y[2],
        ]

    first = parameters["initially_infectious"]
    solution = solve_ivp(
        change,
        (days[0], days[-1]),
        [763 - first, 0.0, first],
        t_eval=days,
        method="DOP853",
        rtol=1e-10,
        atol=1e-10,
    )
    return solution.y[2]


@needs_h5cc
@pytest.mark.parametrize(
    "rates", [(3.95, 1.108, 0.497, 3.48), (0.5, 10.0, 2.0, 20.0)], ids=["best", "worse"]
)
def test_epidemic_solves_its_equations(
    tmp_path: Path, rates: tuple[float, ...]
) -> None:
    names = ["transmission_rate", "incubation_rate", "recovery_rate"]
    parameters = dict(zip([*names, "initially_infectious"], rates, strict=True))
    found = run("epidemic", parameters, tmp_path / "an experiment")
    days, observed = np.loadtxt(DATA, delimiter=",").T
    expected = np.maximum(in_bed(days.tolist(), parameters), 1e-3)
    deviance = 2 * np.sum(observed * np.log(observed / expected) + expected - observed)
    error = np.max(np.abs(observed - expected))
    assert found == {
        "loss": (0, pytest.approx(deviance, rel=1e-6)),
        "largest_error": (0, pytest.approx(error, abs=1e-2)),
    }


@needs_h5cc
def test_epidemic_writes_a_plain_file_of_a_foreign_program(tmp_path: Path) -> None:
    parameters = {
        "transmission_rate": 2.0,
        "incubation_rate": 2.0,
        "recovery_rate": 0.5,
        "initially_infectious": 1.0,
    }
    folder, _ = start("epidemic", parameters, tmp_path)
    with h5py.File(folder / "result.h5") as h5:
        assert sorted(h5) == ["day", "in_bed", "loss", "run"]
        assert not h5.attrs
        assert h5["in_bed"].shape == h5["day"].shape == (14,)
        assert math.isclose(h5["run"].attrs["r0"], 4.0)


@needs_h5cc
def test_epidemic_that_cannot_read_its_data_fails(tmp_path: Path) -> None:
    program = tmp_path / "epidemic"
    shutil.copy(CONFIGS / "epidemic" / "epidemic.c", tmp_path)
    subprocess.run(
        ["h5cc", "-Wall", "-Wextra", "-Werror", "-o", program, "epidemic.c", "-lm"],
        cwd=tmp_path,
        check=True,
    )
    for arguments, message in (
        ([str(tmp_path / "absent.csv"), "1", "1", "1", "1"], "cannot read"),
        ([str(DATA), "1", "1", "nan", "1"], "expected a number of 0 or more, found"),
        ([str(DATA), "1"], "usage"),
    ):
        done = subprocess.run(
            [program, *arguments, tmp_path / "result.h5"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert message in done.stderr


HEATERS = {"x1": 0.25, "y1": 0.25, "x2": 0.75, "y2": 0.3, "x3": 0.5, "y3": 0.8}


def temperature(places: Mapping[str, float], n: int) -> Any:
    """Return the temperature of the plate, solved directly: ``(n, n)``, y before x."""
    flow = scipy.sparse.diags(
        [[-1.0] * (n - 1), [1.0] + [2.0] * (n - 2) + [1.0], [-1.0] * (n - 1)],
        [-1, 0, 1],
    )
    one = scipy.sparse.eye(n)
    both = scipy.sparse.kron(flow, one) + scipy.sparse.kron(one, flow)
    matrix = n * n * both + 12.0 * scipy.sparse.eye(n * n)
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2)
    heat = np.zeros((n, n))
    for k in (1, 2, 3):
        squared = (x - places[f"x{k}"]) ** 2 + (y - places[f"y{k}"]) ** 2
        heat += np.exp(-squared / (2 * 0.06**2))
    return scipy.sparse.linalg.spsolve(matrix.tocsc(), heat.ravel()).reshape(n, n)


@needs_mpi
def test_plate_solves_its_equations_with_four_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    folder, done = start("plate", HEATERS, tmp_path / "an experiment")
    assert "4 processes: mean" in done.stdout, done.stdout + done.stderr
    expected = temperature(HEATERS, 64)
    with h5py.File(folder / "result.h5") as h5:
        np.testing.assert_allclose(h5["temperature"][:], expected, rtol=1e-6)
        unevenness = float(np.std(expected) / np.mean(expected))
        assert h5["unevenness"][()] == pytest.approx(unevenness, rel=1e-6)


@needs_mpi
def test_plate_says_what_is_wrong(tmp_path: Path) -> None:
    shutil.copy(CONFIGS / "plate" / "plate.c", tmp_path)
    flags = ["-Wall", "-Wextra", "-Werror"]
    environment = {**os.environ, "HDF5_CC": "mpicc", "HDF5_CLINKER": "mpicc"}
    subprocess.run(
        ["h5cc", *flags, "-o", "plate", "plate.c", "-lm"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    half = ["0.5"] * 5
    for arguments, message in (
        (["8", *half], "usage: plate N X1"),
        (["8", *half, "1.5", "r.h5"], "expected places between 0 and 1"),
        (["0", *half, "0.5", "r.h5"], "at least one row of cells for each process"),
        (["8", *half, "0.5", "absent/r.h5"], "cannot write the result"),
    ):
        done = subprocess.run(
            [tmp_path / "plate", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert message in done.stderr

"""``hpcopt report`` with files: which are written, and what is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from tests.support.cli_world import hpcopt, make_experiment

#: A module that users have beside their config.
KERNEL = """\
from botorch.models import SingleTaskGP

def plain(train_X, train_Y, train_Yvar, context):
    return SingleTaskGP(train_X, train_Y, train_Yvar)
"""

CONFIG = """\
name: demo
folder: out
parameters:
  - {name: x, type: range, bounds: [0, 1]}
objective: "-loss"
metrics:
  - {name: loss, dataset: /loss}
job:
  command: [python]
run: {max_trials: 5}
"""


def test_figures_and_tables_are_written_and_named(tmp_path: Path) -> None:
    make_experiment(tmp_path / "demo")
    png, csv = tmp_path / "png", tmp_path / "deeper" / "csv"
    told = hpcopt("report", tmp_path / "demo", "--png", png, "--csv", csv)
    lines = told.stdout.splitlines()
    progress = "UtilityProgressionAnalysis_Utility-Progression"
    assert str(png / f"{progress}.png") in lines
    assert str(csv / "Summary_Summary-for-demo.csv") in lines
    assert all(Path(line).is_file() for line in lines)
    assert (csv / f"{progress}.csv").read_text().startswith("trial_index,utility\n")
    assert not (tmp_path / "demo" / "report.html").exists()


def test_only_chosen_cards_are_written(tmp_path: Path) -> None:
    make_experiment(tmp_path / "demo")
    told = hpcopt(
        "report", tmp_path / "demo", "--csv", tmp_path, "--cards", "Summary, besttrials"
    )
    assert [Path(line).name.partition("_")[0] for line in told.stdout.split()] == [
        "BestTrials",
        "Summary",
    ]
    wrong = hpcopt(
        "report", tmp_path / "demo", "--csv", tmp_path, "--cards", "Sumary", code=2
    )
    assert "did you mean Summary?" in wrong.stderr


def test_a_page_is_written_too_where_it_is_named(tmp_path: Path) -> None:
    make_experiment(tmp_path / "demo")
    page = tmp_path / "page.html"
    hpcopt("report", tmp_path / "demo", "--csv", tmp_path / "csv", "-o", page)
    assert page.is_file()


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    one, other = (make_experiment(tmp_path / name) for name in ("one", "other"))
    lone = hpcopt("report", one, "--cards", "Summary", code=2)
    assert (
        "--cards is of the files that --png, --svg, --pdf, --csv write" in lone.stderr
    )
    both = hpcopt("report", one, other, "--csv", tmp_path, code=2)
    assert "files of figures are of one experiment; found 2" in both.stderr
    thin = hpcopt("report", one, "--png", tmp_path, "--width-mm", "1", code=2)
    assert "--width-mm: expected a width from 40 to 1000 mm, found 1" in thin.stderr
    none = hpcopt("report", one, "--png", tmp_path, "--width-mm", "0", code=2)
    assert "--width-mm: expected a width from 40 to 1000 mm, found 0" in none.stderr
    large = hpcopt("report", one, "--size", "talk", code=2)
    assert "--size is of the files that --png" in large.stderr


def test_a_file_of_somebody_else_stays(tmp_path: Path) -> None:
    make_experiment(tmp_path / "demo")
    mine = tmp_path / "Summary_Summary-for-demo.csv"
    mine.write_text("mine")
    arguments = ("report", tmp_path / "demo", "--csv", tmp_path, "--cards", "Summary")
    told = hpcopt(*arguments, code=2)
    assert "expected no file, or one that hpcopt report has written" in told.stderr
    assert mine.read_text() == "mine"
    hpcopt(*arguments, "--force")
    assert mine.read_text() != "mine"


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_model_of_ones_own_is_found_beside_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_a_report.py").write_text(KERNEL)
    config = tmp_path / "demo.yaml"
    config.write_text(CONFIG)
    with Client(folder=tmp_path / "out") as client:
        client.configure_experiment([RangeParameterConfig("x", (0, 1), "float")])
        client.configure_optimization("-loss")
        client.configure_generation_strategy(model="beside_a_report:plain")
        for x in (0.0, 0.2, 0.5, 0.6, 0.9):
            client.complete_trial(client.attach_trial({"x": x}), {"loss": x * x})
    options = ("--csv", tmp_path / "csv", "--cards", "CrossValidationPlot")
    told = hpcopt("report", tmp_path / "out", *options)
    assert "expected plain in a module beside_a_report" in told.stderr
    assert not told.stdout
    told = hpcopt("report", config, *options)
    assert "CrossValidationPlot" in told.stdout
    assert not told.stderr

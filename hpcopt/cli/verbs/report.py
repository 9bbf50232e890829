"""``hpcopt report``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hpcopt.cli.figure_options import are_asked_for, figure_options, write_figures
from hpcopt.cli.page_refresh import REPORT
from hpcopt.cli.target import FoundExperiment, examples, find_experiment
from hpcopt.cli.views.attempt_log import attempt_path
from hpcopt.cli.views.driver_log import tail
from hpcopt.cli.views.driver_state import driver_state
from hpcopt.cli.views.facts import attempt_facts, experiment_facts, trial_facts
from hpcopt.core.errors import StorageError, UsageError
from hpcopt.core.trials.trial import Attempt
from hpcopt.host.durable import write_text_durably
from hpcopt.reporting.source import Facts, ReportSource


@click.command(
    epilog=examples(
        "hpcopt report hpcopt.yaml",
        "hpcopt report experiments/hartmann6 --output hartmann6.html",
        "hpcopt report first second third",
        "hpcopt report --pdf figures --csv tables --cards SlicePlot,ScatterPlot",
    )
)
@click.argument("targets", nargs=-1, type=click.Path(path_type=Path), metavar="TARGET")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Where to write it.  [default: {REPORT} in the experiment's folder]",
)
@figure_options
def command(targets: tuple[Path, ...], output: Path | None, **files: Any) -> None:
    """Write a page about an experiment, to be looked at in a browser.

    TARGET is the experiment's config or its folder, by default the one here; several
    are compared side by side. The page is one file, which needs no network: it can be
    copied and mailed. No cluster is asked.

    With --png, --svg, --pdf or --csv its figures and tables are written as files for
    papers and talks, and the page only if --output names it.
    """
    has_files = are_asked_for(files)
    found = [find_experiment(target) for target in targets or (None,)]
    if has_files:
        write_figures(found, files)
        if output is None:
            return
    path = output or _default_path(found)
    from hpcopt.reporting.page import report_html

    page = report_html([source_of(one, time.time()) for one in found])
    try:
        write_text_durably(path, page)
    except OSError as exc:
        raise UsageError(f"{path}: cannot be written: {exc.strerror}") from exc
    click.echo(path)


def source_of(found: FoundExperiment, now: float) -> ReportSource:
    """Return what a report of an experiment is made of."""
    experiment, folder = found.experiment, found.folder
    goals = experiment.absolute_goals

    def attempts(index: int) -> Sequence[Facts]:
        return [attempt_facts(one) for one in experiment.trial(index).attempts]

    def end_of_log(attempt: Attempt, n_bytes: int) -> str:
        try:
            lines = tail(attempt_path(folder, attempt).log, n_bytes, n_bytes=n_bytes)
        except OSError:
            return ""
        return "\n".join(lines)

    try:
        driver = driver_state(folder, experiment, now).sentence(now)
    except StorageError as exc:
        driver = str(exc)
    return ReportSource(
        folder=str(folder),
        experiment=experiment,
        facts=experiment_facts(experiment, now),
        driver=driver,
        trials=[trial_facts(trial, goals) for trial in experiment.trials],
        attempts=attempts,
        end_of_log=end_of_log,
        now=now,
        modules=None if found.modules is None else str(found.modules),
    )


def _default_path(found: Sequence[FoundExperiment]) -> Path:
    """Return where the page goes: to the experiment, or here if it may not."""
    here = Path.cwd() / REPORT
    if len(found) > 1:
        return here
    folder = found[0].folder
    if os.access(folder, os.W_OK | os.X_OK):
        return folder / REPORT
    click.echo(f"{folder} cannot be written: the report is written here", err=True)
    return here

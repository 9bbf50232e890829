"""``hpcopt export``."""

from __future__ import annotations

from pathlib import Path

import click

from hpcopt.cli.needed import check_installed
from hpcopt.cli.target import examples, find_experiment, json_option
from hpcopt.cli.views import text
from hpcopt.core.types import JSONValue
from hpcopt.export.files import FORMATS, export, format_of


@click.command(
    epilog=examples(
        "hpcopt export runs.csv", "hpcopt export runs.h5 experiments/flow --force"
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument(
    "target", required=False, type=click.Path(path_type=Path), metavar="[TARGET]"
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@json_option
def command(file: Path, target: Path | None, force: bool, as_json: bool) -> None:
    """Write the whole history to FILE: .csv, .parquet, .h5 or .json.

    Three tables: trials with their parameters, metrics and origin; attempts with their
    times, node, cause and cost; observations, each value of a metric at each step. A
    file of CSV or Parquet holds the trials, and two more beside it the others.

    TARGET is the experiment's config or its folder, by default the one here.
    """
    suffix = format_of(file)
    if FORMATS[suffix]:
        check_installed(
            f"export to {suffix}", FORMATS[suffix], "CSV and JSON need nothing"
        )
    experiment = find_experiment(target).experiment
    files = export(experiment, file, may_replace=force)
    if as_json:
        found: list[JSONValue] = [
            {
                "path": str(one.path.absolute()),
                "rows": {table.name: table.n_rows for table in one.tables},
            }
            for one in files
        ]
        text.print_json({"files": found})
        return
    for one in files:
        rows = ", ".join(f"{table.n_rows} {table.name}" for table in one.tables)
        click.echo(f"{text.visible(str(one.path))}  {rows}")

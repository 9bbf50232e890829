"""``hpcopt check``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import click

from hpcopt.cli.checks.preflight import first_request, preflight
from hpcopt.cli.target import config_argument, examples, runner_options
from hpcopt.cli.views import text
from hpcopt.config.file import load_config
from hpcopt.config.specs import job_runner
from hpcopt.experiment.live_trials import choose_runner
from hpcopt.runners.protocol import submission_name
from hpcopt.runners.script.rendered_job import RenderedJob

Runner = Literal["slurm", "local"]


@click.command(
    epilog=examples("hpcopt check hpcopt.yaml", "hpcopt check hpcopt.yaml --render")
)
@config_argument
@runner_options
@click.option(
    "--render",
    is_flag=True,
    help="Print what the first trial would run, for the centre of the space.",
)
def command(config: Path, runner: Runner | None, render: bool) -> None:
    """Check CONFIG and all that it needs, without submitting anything.

    CONFIG is hpcopt.yaml by default. With Slurm, the batch script is shown to sbatch
    --test-only, which says whether the job would be accepted, and when it would start.
    """
    loaded = load_config(config)
    kind = choose_runner(runner or loaded.config.job.runner, loaded.folder)
    for check in preflight(loaded, kind):
        mark = ("?", "yellow") if check.is_doubtful else ("✓", "green")
        found = text.one_line(check.found)
        click.echo(f"{click.style(mark[0], fg=mark[1])} {check.what:<9} {found}")
    if render:
        request = first_request(loaded)
        name = submission_name(loaded.config.name, [request])
        scripts = job_runner(loaded, kind).scripts(loaded.config.name, loaded.folder)
        folder = scripts.folder(request).path
        _print_rendered(scripts.render(request, name), name, folder, kind)


def _print_rendered(
    rendered: RenderedJob, name: str, folder: Path, kind: Runner
) -> None:
    _print_file("script.sh, the rendered template", rendered.script)
    _print_file("job.sh, what is run", rendered.job)
    if kind == "local":
        return
    from hpcopt.slurm.batch_job import SINGLE, BatchJob, chooses_folder

    is_placed = not chooses_folder(rendered.directives, rendered.options)
    job = BatchJob(name, folder, rendered.options, False, is_placed=is_placed)
    words = ["sbatch", "--parsable", *job.sbatch_options(SINGLE), str(job.script)]
    _print_file("how it is submitted", " \\\n    ".join(map(shlex.quote, words)))


def _print_file(title: str, content: str) -> None:
    click.echo()
    click.secho(f"── {title}", bold=True)
    click.echo(content.rstrip("\n"))

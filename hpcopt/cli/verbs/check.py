"""``hpcopt check``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import click

from hpcopt.cli.checks.preflight import first_request, preflight
from hpcopt.cli.target import config_argument, examples, json_option, runner_options
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import Facts
from hpcopt.config.file import LoadedConfig, load_config
from hpcopt.config.specs import job_runner
from hpcopt.experiment.live_trials import choose_runner
from hpcopt.runners.protocol import submission_name
from hpcopt.runners.script.rendered_job import RenderedJob

Runner = Literal["slurm", "local"]

_TITLES = {
    "script": "script.sh, the rendered template",
    "job": "job.sh, what is run",
    "submission": "how it is submitted",
}


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
@json_option
def command(config: Path, runner: Runner | None, render: bool, as_json: bool) -> None:
    """Check CONFIG and all that it needs, without submitting anything.

    CONFIG is hpcopt.yaml by default. With Slurm, the batch script is shown to sbatch
    --test-only, which says whether the job would be accepted, and when it would start.
    """
    loaded = load_config(config)
    kind = choose_runner(runner or loaded.config.job.runner, loaded.folder)
    checks: list[Facts] = []
    for check in preflight(loaded, kind):
        found = text.one_line(check.found)
        checks.append(
            {"check": check.what, "is_doubtful": check.is_doubtful, "found": found}
        )
        if not as_json:
            mark = ("?", "yellow") if check.is_doubtful else ("✓", "green")
            click.echo(f"{click.style(mark[0], fg=mark[1])} {check.what:<9} {found}")
    rendered = _rendered(loaded, kind) if render else None
    if as_json:
        text.print_json(
            {
                "config": str(config.absolute()),
                "name": loaded.config.name,
                "folder": str(loaded.folder),
                "runner": kind,
                "checks": [*checks],
                "rendered": None if rendered is None else {**rendered},
            }
        )
        return
    for title, content in (rendered or {}).items():
        if content is not None:
            _print_file(_TITLES[title], content)


def _rendered(loaded: LoadedConfig, kind: Runner) -> dict[str, str | None]:
    """Return what the first trial would run, and how it would be submitted."""
    request = first_request(loaded)
    name = submission_name(loaded.config.name, [request])
    scripts = job_runner(loaded, kind).scripts(loaded.config.name, loaded.folder)
    rendered = scripts.render(request, name)
    folder = scripts.folder(request).path
    command = None if kind == "local" else _submission(rendered, name, folder)
    return {"script": rendered.script, "job": rendered.job, "submission": command}


def _submission(rendered: RenderedJob, name: str, folder: Path) -> str:
    from hpcopt.slurm.batch_job import SINGLE, BatchJob, chooses_folder

    is_placed = not chooses_folder(rendered.directives, rendered.options)
    job = BatchJob(name, folder, rendered.options, False, is_placed=is_placed)
    words = ["sbatch", "--parsable", *job.sbatch_options(SINGLE), str(job.script)]
    return " \\\n    ".join(map(shlex.quote, words))


def _print_file(title: str, content: str) -> None:
    click.echo()
    click.secho(f"── {title}", bold=True)
    click.echo(content.rstrip("\n"))

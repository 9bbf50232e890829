"""``hpcopt check``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Literal

import click

from hpcopt import assembly
from hpcopt.cli import text
from hpcopt.cli.facts import Goal
from hpcopt.cli.program import look_for_program
from hpcopt.cli.target import examples, runner_options
from hpcopt.config_file import LoadedConfig, load_config
from hpcopt.core.errors import ConfigError, RunnerError
from hpcopt.core.types import TParameterization
from hpcopt.driver.clock import SystemClock
from hpcopt.runners.job_script import RenderedJob
from hpcopt.runners.protocol import AttemptRequest, submission_name

Runner = Literal["slurm", "local"]


@click.command(
    epilog=examples("hpcopt check hpcopt.yaml", "hpcopt check hpcopt.yaml --render")
)
@click.argument("config", type=click.Path(path_type=Path))
@runner_options
@click.option(
    "--render",
    is_flag=True,
    help="Print what the first trial would run, for the centre of the space.",
)
def command(config: Path, runner: Runner | None, render: bool) -> None:
    """Check CONFIG and all that it needs, without submitting anything.

    With Slurm, the batch script is shown to sbatch --test-only, which says whether the
    job would be accepted, and when it would start.
    """
    loaded = load_config(config)
    kind = assembly.runner_kind(loaded, runner)
    _check_config(loaded)
    assembly.make_reader(loaded.config, kind, SystemClock())
    names = ", ".join(metric.name for metric in loaded.config.metrics)
    _tick("metrics", names)
    request = AttemptRequest(0, 0, _centre(loaded))
    scripts = assembly.job_scripts(loaded)
    name = submission_name(loaded.config.name, [request])
    rendered = scripts.render(request, name)
    _tick("template", f"{scripts.spec.template}, rendered for the centre of the space")
    _check_program(loaded)
    _check_folder(loaded.folder)
    _check_site(loaded, kind, request)
    if render:
        _print_rendered(rendered, name, scripts.folder(request).path, kind)


def _tick(what: str, found: str) -> None:
    click.echo(f"{click.style('✓', fg='green')} {what:<9} {text.one_line(found)}")


def _check_config(loaded: LoadedConfig) -> None:
    config = loaded.config
    goal = Goal.of(config.parsed_objective())
    n_parameters = text.count(len(config.parameters), "parameter")
    _tick(
        "config",
        f"{loaded.path.name}: {goal.direction} {goal.label} over {n_parameters}, "
        f"{text.count(config.run.max_trials, 'trial')}, "
        f"{config.run.parallelism} at a time",
    )


def _centre(loaded: LoadedConfig) -> TParameterization:
    return {
        parameter.name: parameter.decode([0.5] * parameter.n_coordinates)
        for parameter in loaded.config.search_space().parameters
    }


def _check_program(loaded: LoadedConfig) -> None:
    finding = look_for_program(loaded)
    if finding.is_error:
        raise ConfigError(f"{loaded.path}: {finding.text}")
    if finding.is_doubtful:
        mark = click.style("?", fg="yellow")
        click.echo(f"{mark} program   {finding.text} here; does the job provide it?")
    else:
        _tick("program", finding.text)


def _check_folder(folder: Path) -> None:
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"folder: expected a folder to write in, found {nearest}")
    _tick("folder", str(folder))


def _check_site(loaded: LoadedConfig, kind: Runner, request: AttemptRequest) -> None:
    runner = assembly.make_runner(loaded, kind, SystemClock())
    if kind == "local":
        runner.plan([request])
        _tick("runner", "local: processes of this machine")
        return
    from hpcopt.runners.slurm import SlurmRunner

    if isinstance(runner, SlurmRunner):
        try:
            answer = runner.validate(request)
        except RunnerError as exc:
            raise ConfigError(f"job: {exc}") from exc
        _tick("runner", f"slurm: {answer}")


def _print_rendered(
    rendered: RenderedJob, name: str, folder: Path, kind: Runner
) -> None:
    _print_file("script.sh, the rendered template", rendered.script)
    _print_file("job.sh, what is run", rendered.job)
    if kind == "local":
        return
    from hpcopt.slurm.options import chooses_folder, sbatch_options

    is_placed = not chooses_folder(rendered.directives, rendered.options)
    options = sbatch_options(name, rendered.options, folder, None, is_placed=is_placed)
    words = ["sbatch", "--parsable", *options, str(folder / "job.sh")]
    _print_file("how it is submitted", " \\\n    ".join(map(shlex.quote, words)))


def _print_file(title: str, content: str) -> None:
    click.echo()
    click.secho(f"── {title}", bold=True)
    click.echo(content.rstrip("\n"))

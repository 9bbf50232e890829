"""``hpcopt init``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from string import Template

import click

from hpcopt.cli.starter import CONFIG, SIMULATE
from hpcopt.cli.target import DEFAULT_CONFIG, examples
from hpcopt.cli.views import text
from hpcopt.core.errors import UsageError
from hpcopt.runners.script.shipped import shipped_templates

_TEMPLATE = "job.sbatch"
_PROGRAM = "simulate.py"
_SUFFIXES = (".yaml", ".yml")


@click.command(
    epilog=examples("hpcopt init", "hpcopt init wing", "hpcopt init tune.yaml")
)
@click.argument("place", required=False, type=click.Path(path_type=Path))
def command(place: Path | None) -> None:
    """Write a config to start from, with a job script and a tiny program.

    PLACE is a folder, or the config's own name ending in .yaml; by default hpcopt.yaml
    in the current folder. Nothing is overwritten. What is written runs as it is: try
    it, then put your own program, parameters and metrics in.
    """
    config = _config_path(place or Path())
    template = shipped_templates()["command.sbatch"].read_text(encoding="utf-8")
    files = {
        config: Template(CONFIG).substitute(
            file=shlex.quote(config.name), name=_experiment_name(config)
        ),
        config.parent / _TEMPLATE: template,
        config.parent / _PROGRAM: SIMULATE,
    }
    existing = [str(path) for path in files if path.exists()]
    if existing:
        raise UsageError(
            f"nothing was written, as {', '.join(existing)} would be overwritten; give "
            "a new folder: hpcopt init FOLDER"
        )
    _write(files)
    purposes = ("the experiment", "the batch script around each trial", "a program")
    text.print_facts([(str(p), why) for p, why in zip(files, purposes, strict=True)])
    click.echo("\nNext:")
    for verb in ("check", "run"):
        click.echo(f"  hpcopt {verb} {shlex.quote(str(config))}")


def _config_path(place: Path) -> Path:
    return place if place.suffix in _SUFFIXES else place / DEFAULT_CONFIG


def _experiment_name(config: Path) -> str:
    """Return the name of the config, or of its folder if it has none of its own."""
    stem = (
        config.stem if config.name != DEFAULT_CONFIG else config.parent.resolve().name
    )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-")
    return name or "experiment"


def _write(files: dict[Path, str]) -> None:
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
        except OSError as exc:
            raise UsageError(f"{path}: cannot be written: {exc.strerror}") from exc

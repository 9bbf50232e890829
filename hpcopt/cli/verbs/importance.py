"""``hpcopt importance``."""

from __future__ import annotations

import math
from pathlib import Path

import click

from hpcopt.cli.needed import OF_MODELS, check_installed
from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import Facts
from hpcopt.cli.views.table import Column, print_table
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.names import expected_name


@click.command(
    epilog=examples("hpcopt importance hpcopt.yaml", "hpcopt importance -m loss --json")
)
@target_argument
@click.option(
    "-m",
    "--metric",
    "wanted",
    multiple=True,
    metavar="NAME",
    help="A metric; by default all that the goals name. May be given several times.",
)
@json_option
def command(target: Path | None, wanted: tuple[str, ...], as_json: bool) -> None:
    """Show how much each parameter matters to a metric, by the model.

    Sobol' indices of the model's mean over the whole search space: the share of its
    variance that a parameter explains by itself (alone), and together with all others
    (in all). Needs PyTorch, and two completed trials.

    TARGET is the experiment's config or its folder, by default the one here.
    """
    check_installed("importance", (*OF_MODELS, "pandas", "plotly"))
    one = find_experiment(target)
    names = _names(one.experiment, wanted)
    found = {name: _importance(one.experiment, name, one.modules) for name in names}
    if as_json:
        text.print_json({"metrics": {**found}})
        return
    for number, (name, facts) in enumerate(found.items()):
        if number:
            click.echo()
        _print_one(name, facts)


def _names(experiment: Experiment, wanted: tuple[str, ...]) -> tuple[str, ...]:
    known = experiment.metric_names
    for name in wanted:
        if name not in known:
            raise UsageError(f"--metric: {expected_name(name, known)}")
    return wanted or experiment.goals.metric_names


def _importance(experiment: Experiment, name: str, modules: Path | None) -> Facts:
    """Return the indices of each parameter, the most important first."""
    from hpcopt.analysis.experiment import ExperimentView
    from hpcopt.analysis.models import models_of

    folder = None if modules is None else str(modules)
    models = models_of(ExperimentView(experiment, folder))
    effects = models.effects(name)
    rows = sorted(
        zip(
            effects.names,
            effects.indices.first.tolist(),
            effects.indices.total.tolist(),
            effects.slopes.tolist(),
            strict=True,
        ),
        key=lambda row: -row[2],
    )
    parameters: Facts = {
        parameter: {"first": first, "total": total, "slope": slope}
        for parameter, first, total, slope in rows
    }
    return {"r_squared": models.r_squared(name), "parameters": parameters}


def _print_one(name: str, facts: Facts) -> None:
    fit = facts["r_squared"]
    head = click.style(text.visible(name), bold=True)
    if isinstance(fit, float) and math.isfinite(fit):
        quality = text.number(round(fit, 2))
        click.echo(f"{head}, whose model has R² {quality} for outcomes it has not seen")
    else:
        click.echo(f"{head}, whose outcomes are all equal")
    parameters = facts["parameters"]
    assert isinstance(parameters, dict)
    print_table(
        [
            Column("parameter"),
            Column("in all", is_right=True),
            Column("alone", is_right=True),
            Column("direction", rank=1),
        ],
        [
            [
                parameter,
                f"{one['total']:.1%}",
                f"{one['first']:.1%}",
                _direction(one["slope"]),
            ]
            for parameter, one in parameters.items()
        ],
    )


def _direction(slope: float) -> str:
    """Return where the metric goes when the parameter rises, over the whole space."""
    if slope == 0:
        return ""
    return "rises with it" if slope > 0 else "falls with it"

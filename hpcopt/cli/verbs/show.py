"""``hpcopt show``."""

from __future__ import annotations

from pathlib import Path

import click

from hpcopt.cli.target import (
    FoundExperiment,
    examples,
    find_experiment,
    json_option,
    target_argument,
)
from hpcopt.cli.views import text
from hpcopt.cli.views.attempt_log import attempt_path
from hpcopt.cli.views.driver_log import tail
from hpcopt.cli.views.facts import (
    attempt_facts,
    job_id,
    objectives_text,
    state,
    trial_facts,
)
from hpcopt.core.trials.cost import cost_of, queue_s, run_s
from hpcopt.core.trials.origin import Origin
from hpcopt.core.trials.trial import Attempt, Trial
from hpcopt.core.types import JSONValue

_N_LINES = 20


@click.command(epilog=examples("hpcopt show 7", "hpcopt show 7 hpcopt.yaml --json"))
@click.argument("trial", type=click.IntRange(min=0))
@target_argument
@json_option
def command(trial: int, target: Path | None, as_json: bool) -> None:
    """Show everything about one trial: parameters, outcome, attempts, end of the log.

    TRIAL is its number. TARGET is the experiment's config or its folder, by default the
    one here.
    """
    found = find_experiment(target)
    shown = found.trial(trial)
    if as_json:
        attempts: list[JSONValue] = [
            {**attempt_facts(a), "log": str(attempt_path(found.folder, a).log)}
            for a in shown.attempts
        ]
        facts = trial_facts(shown, found.experiment.absolute_goals)
        text.print_json({**facts, "attempts": attempts})
        return
    _print_trial(shown, found)
    for attempt in shown.attempts:
        click.echo()
        _print_attempt(attempt, found.folder)


def _print_trial(trial: Trial, found: FoundExperiment) -> None:
    status = click.style(state(trial), fg=text.STATE_COLOURS.get(state(trial)))
    click.echo(f"{click.style(f'trial {trial.index}', bold=True)}  {status}")
    click.echo()
    parameters = [
        f"{text.visible(k)} = {text.number(v)}" for k, v in trial.parameters.items()
    ]
    metrics = [
        f"{text.visible(name)} = {text.number(o.mean)}{text.plus_minus(o.sem)}"
        for name, o in trial.outcome.items()
    ]
    created = text.moment(trial.created_at)
    text.print_facts(
        [
            ("parameters", "\n".join(parameters)),
            ("proposed by", f"{_proposer(trial)}, {created}"),
            *_origin_rows(trial.origin),
            ("outside", "\n".join(trial.outside)),
            ("objective", objectives_text(trial, found.experiment.goals)),
            ("metrics", "\n".join(metrics)),
            ("cause", text.CAUSES[trial.cause] if trial.cause else ""),
            ("reason", trial.reason),
        ]
    )


def _proposer(trial: Trial) -> str:
    """Return the method that proposed the trial, with its step if there are several."""
    origin = trial.origin
    if origin is None:
        return trial.generation_method
    step = "" if origin.step is None else f" in steps[{origin.step}]"
    return f"{origin.method}{step}"


def _origin_rows(origin: Origin | None) -> list[tuple[str, str]]:
    """Return what else is known of how the trial was proposed."""
    if origin is None:
        return []
    return [
        ("model", origin.model),
        ("acquisition", origin.acquisition),
        ("why", origin.why),
        ("note", "\n".join(origin.said)),
    ]


def _changed(attempt: Attempt) -> str:
    """Return what the attempt was given otherwise than the trial's first one."""
    options = (attempt.metadata or {}).get("options")
    changed = options if isinstance(options, dict) else attempt.adjustment.to_json()
    return "  ".join(f"{name}={value}" for name, value in changed.items())


def _core_hours(attempt: Attempt) -> str:
    """Return what the attempt cost, and whether the accounting told it."""
    cost = cost_of(attempt)
    if not cost.core_hours:
        return ""
    told = "" if cost.is_accounted else ", by what was asked for"
    return f"{text.number(cost.core_hours)}{told}"


def _print_attempt(attempt: Attempt, folder: Path) -> None:
    files = attempt_path(folder, attempt)
    started, lines, problem = None, [], ""
    try:
        started = files.read_started()
        lines = tail(files.log, _N_LINES)
    except FileNotFoundError:
        pass  # it has written none
    except OSError as exc:
        problem = f"{files.log.name} cannot be read: {exc.strerror}"
    facts = {k: v for k, v in attempt.facts.items() if k not in ("host", "node")}
    node = attempt.facts.get("node") or attempt.facts.get("host")
    click.secho(f"attempt {attempt.number}", bold=True)
    text.print_facts(
        [
            ("job", job_id(attempt) or (started.job_id if started else "")),
            ("node", str(node or (started.host if started else ""))),
            ("changed", _changed(attempt)),
            ("submitted", text.moment(attempt.submitted_at)),
            ("queue time", text.duration(queue_s(attempt))),
            ("run time", text.duration(run_s(attempt))),
            ("core-hours", _core_hours(attempt)),
            ("phase", attempt.phase.value if attempt.is_live else ""),
            ("cause", attempt.cause.value if attempt.cause else ""),
            ("reason", attempt.reason),
            ("facts", text.parameters({k: str(v) for k, v in facts.items()})),
            ("folder", str(files.path)),
        ]
    )
    if problem:
        click.secho(problem, dim=True)
    if lines:
        click.secho(f"the end of {files.log.name}", dim=True)
        for line in lines:
            click.echo(f"  {text.visible(click.unstyle(line).expandtabs())}")

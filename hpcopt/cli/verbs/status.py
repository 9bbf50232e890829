"""``hpcopt status``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.driver_log import last_warning
from hpcopt.cli.views.driver_state import driver_state
from hpcopt.cli.views.facts import Facts, experiment_facts
from hpcopt.cli.views.table import Column, print_table
from hpcopt.core.trials.origin import Origin
from hpcopt.core.words import failures

#: So many live trials are named; there may be thousands.
_MOST_LIVE_SHOWN = 10


@click.command(
    epilog=examples(
        "hpcopt status hpcopt.yaml", "hpcopt status experiments/hartmann6 --json"
    )
)
@target_argument
@json_option
def command(target: Path | None, as_json: bool) -> None:
    """Show how the experiment stands.

    TARGET is the experiment's config or its folder, by default the one here.
    Nothing is changed and no cluster is asked: this works on a copy of the folder, on
    any machine.
    """
    found = find_experiment(target)
    now = time.time()
    driver = driver_state(found.folder, found.experiment, now)
    facts = experiment_facts(found.experiment, now)
    warning = last_warning(found.folder)
    if as_json:
        text.print_json(
            {
                **facts,
                "folder": str(found.folder),
                "driver": driver.to_json(),
                "last_warning": warning,
            }
        )
        return
    _print(facts, str(found.folder), driver.sentence(now), warning)


def _print(facts: Facts, folder: str, driver: str, warning: str | None) -> None:
    any_facts: dict[str, Any] = facts
    click.secho(str(any_facts["name"]), bold=True)
    click.echo()
    text.print_facts(
        [
            ("folder", folder),
            ("objective", str(any_facts["goal"])),
            ("constraints", "\n".join(any_facts["outcome_constraints"])),
            ("driver", driver),
            ("trials", _trials(any_facts)),
            ("best", _best(any_facts)),
            ("failures", failures(any_facts["failures"])),
            ("retries", str(any_facts["retries"] or "")),
            ("run time", _spread(any_facts["run_s"])),
            ("queue time", _spread(any_facts["queue_s"])),
            ("proposed by", _generator(any_facts["generator"])),
            ("suggestion", _suggestion(any_facts["seconds_per_suggestion"])),
            ("fallbacks", _fallbacks(any_facts["fallbacks"])),
            ("note", _note(any_facts["note"])),
            ("data", _note(any_facts["generator_note"])),
            ("calls", _calls(any_facts)),
            ("warning", warning or ""),
        ]
    )
    _print_live(any_facts["live"])


def _trials(facts: dict[str, Any]) -> str:
    of = f" of {facts['max_trials']}" if facts["max_trials"] else ""
    parts = [
        click.style(f"{n} {state}", fg=text.STATE_COLOURS.get(state))
        for state, n in facts["states"].items()
    ]
    return f"{facts['n_trials']}{of}" + (f": {', '.join(parts)}" if parts else "")


def _best(facts: dict[str, Any]) -> str:
    best = facts["best"]
    if facts["n_on_front"]:
        n = text.count(facts["n_on_front"], "trial")
        return f"{n} on the Pareto front: see hpcopt best"
    if best is None:
        is_bounded = facts["outcome_constraints"] and facts["states"].get("completed")
        return "none feasible so far" if is_bounded else "none so far"
    value = f"{facts['label']} = {text.number(best['objective'])}"
    values = "\n".join(
        f"{name} = {text.number(value)}" for name, value in best["parameters"].items()
    )
    targets = "".join(
        f"\n{name} = {text.number(of['value'])}, to be {text.number(of['target'])}"
        for name, of in best["targets"].items()
    )
    head = click.style(value, bold=True)
    return f"{head}, trial {best['trial']}\n{values}{targets}"


def _calls(facts: dict[str, Any]) -> str:
    counts = facts["scheduler_calls"]
    rate = facts["scheduler_calls_per_minute"]
    line = ", ".join(f"{n} {name}" for name, n in counts.items())
    return (
        f"{line}; {round(rate, 1 if rate < 10 else None):g} a minute"
        if rate is not None
        else line
    )


def _note(note: str | None) -> str:
    return click.style(note, fg="yellow") if note else ""


def _spread(spread: dict[str, float] | None) -> str:
    if spread is None:
        return ""
    mean, median = text.duration(spread["mean"]), text.duration(spread["median"])
    return f"median {median}, mean {mean}"


def _generator(origin: dict[str, Any] | None) -> str:
    if origin is None:
        return ""
    latest = Origin.from_json(origin)
    return "\n".join([f"{latest.names} ({latest.why})", *latest.said])


def _suggestion(seconds: float | None) -> str:
    return "" if seconds is None else f"{text.number(round(seconds, 3))} s each"


def _fallbacks(fallbacks: list[dict[str, Any]]) -> str:
    if not fallbacks:
        return ""
    last = fallbacks[-1]
    return f"{len(fallbacks)}, the last before trial {last['trial']}: {last['what']}"


def _print_live(live: list[dict[str, Any]]) -> None:
    if not live:
        return
    columns = [
        Column("live", is_right=True),
        Column("phase"),
        Column("for", is_right=True),
        Column("job", rank=1),
        Column("reason", rank=2, is_elastic=True),
    ]
    rows = [
        [
            str(a["trial"]),
            a["phase"],
            text.duration(a["for_s"]),
            a["job_id"] or "",
            a["reason"] or "",
        ]
        for a in live[:_MOST_LIVE_SHOWN]
    ]
    click.echo()
    print_table(columns, rows)
    if len(live) > _MOST_LIVE_SHOWN:
        click.echo(f"and {len(live) - _MOST_LIVE_SHOWN} more: see hpcopt trials")

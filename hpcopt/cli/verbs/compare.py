"""``hpcopt compare``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hpcopt.cli.target import examples, find_experiment, json_option
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import Facts, experiment_facts, trial_facts
from hpcopt.cli.views.table import Column, print_table
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.cost import spending


@click.command(
    epilog=examples(
        "hpcopt compare 3 17",
        "hpcopt compare 3 17 hpcopt.yaml --json",
        "hpcopt compare experiments/flow experiments/flow-fine",
    )
)
@click.argument("a")
@click.argument("b")
@click.argument(
    "target", required=False, type=click.Path(path_type=Path), metavar="[TARGET]"
)
@json_option
def command(a: str, b: str, target: Path | None, as_json: bool) -> None:
    """Compare two trials, or two experiments.

    A and B are the numbers of two trials of the experiment TARGET, which is its config
    or its folder, by default the one here; or they are the configs or folders of two
    experiments. Differences are B minus A.
    """
    if a.isdecimal() and b.isdecimal():
        facts = _trials(int(a), int(b), target)
    elif a.isdecimal() or b.isdecimal():
        raise UsageError(
            f"expected two numbers of trials or two experiments, found {a!r} and {b!r};"
            " a folder with a number for a name is ./7"
        )
    elif target is not None:
        raise UsageError(
            f"expected no TARGET where experiments are compared, found {str(target)!r}"
        )
    else:
        facts = _experiments(Path(a), Path(b))
    if as_json:
        text.print_json(facts)
        return
    any_facts: dict[str, Any] = facts
    if "trials" in facts:
        first, second = any_facts["trials"]
        _print_sides(
            (f"trial {first['trial']}", f"trial {second['trial']}"),
            _trial_rows(first),
            _trial_rows(second),
        )
    else:
        first, second = any_facts["experiments"]
        named = (first["name"], second["name"])
        _print_sides(
            named if named[0] != named[1] else (a, b),
            *_rows_of_both(first, second),
        )


def _trials(a: int, b: int, target: Path | None) -> Facts:
    """Return the facts about two trials, and how their numbers differ."""
    found = find_experiment(target)
    goals = found.experiment.absolute_goals
    first, second = (trial_facts(found.trial(index), goals) for index in (a, b))
    rows = _trial_rows(first), _trial_rows(second)
    return {"trials": [first, second], "differences": _differences(*rows)}


def _experiments(a: Path, b: Path) -> Facts:
    """Return the facts about two experiments, and how their numbers differ."""
    now = time.time()
    sides = []
    for target in (a, b):
        found = find_experiment(target)
        facts = experiment_facts(found.experiment, now)
        spent = spending(found.experiment.trials)
        hours: Facts = {"spent": spent.spent, "wasted": spent.wasted}
        is_known = spent.n_accounted + spent.n_estimated > 0
        sides.append(
            {
                **facts,
                "folder": str(found.folder),
                "core_hours": hours if is_known else None,
            }
        )
    first, second = sides
    rows = _rows_of_both(first, second)
    return {
        "experiments": [first, second],
        "same_goals": _goals(first) == _goals(second),
        "differences": _differences(*rows),
    }


def _goals(facts: Facts) -> tuple[object, object]:
    return facts["objective"], facts["outcome_constraints"]


def _differences(first: Facts, second: Facts) -> Facts:
    """Return B minus A of all that are numbers on both sides."""
    return {
        name: difference
        for name in first
        if (difference := _difference(first[name], second.get(name))) is not None
    }


def _difference(a: object, b: object) -> int | float | None:
    if isinstance(a, bool) or isinstance(b, bool):
        return None
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return b - a
    return None


def _trial_rows(facts: Mapping[str, Any]) -> Facts:
    """Return what is shown of a trial, by a name that says what it is."""
    metrics = {f"metrics.{k}": v["mean"] for k, v in facts["metrics"].items()}
    objectives = {
        f"objectives.{k}": v
        for k, v in facts["objectives"].items()
        if f"metrics.{k}" not in metrics
    }
    return {
        "state": facts["state"],
        "feasible": facts["is_feasible"],
        **{f"parameters.{k}": v for k, v in facts["parameters"].items()},
        **objectives,
        **metrics,
        "method": facts["method"],
        "attempts": facts["attempts"],
        "run_s": facts["run_s"],
        "queue_s": facts["queue_s"],
        "cause": facts["cause"],
        "reason": facts["reason"],
    }


def _rows_of_both(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> tuple[Facts, Facts]:
    """Return what is shown of two experiments.

    Values of different objectives have no difference: they are texts then, which say
    what each is of.
    """
    rows = _experiment_rows(first), _experiment_rows(second)
    if first["objective"] != second["objective"]:
        for side, facts in zip(rows, (first, second), strict=True):
            best = facts["best"]
            if best is not None and best["objective"] is not None:
                value = text.number(best["objective"])
                side["best.objective"] = f"{facts['label']} = {value}"
    return rows


def _experiment_rows(facts: Mapping[str, Any]) -> Facts:
    """Return what is shown of an experiment, by a name that says what it is."""
    best = facts["best"] or {"objective": None, "parameters": {}, "trial": None}
    run_s, queue_s = facts["run_s"] or {}, facts["queue_s"] or {}
    return {
        "goal": facts["goal"],
        "constraints": ", ".join(facts["outcome_constraints"]) or None,
        "n_trials": facts["n_trials"],
        **{f"states.{name}": n for name, n in facts["states"].items()},
        "best.objective": best["objective"],
        "best.trial": None if best["trial"] is None else f"trial {best['trial']}",
        **{f"best.parameters.{k}": v for k, v in best["parameters"].items()},
        "n_on_front": facts["n_on_front"],
        **{f"failures.{cause}": n for cause, n in facts["failures"].items()},
        "retries": facts["retries"],
        "run_s.median": run_s.get("median"),
        "queue_s.median": queue_s.get("median"),
        **{f"core_hours.{k}": v for k, v in (facts["core_hours"] or {}).items()},
        "seconds_per_suggestion": facts["seconds_per_suggestion"],
    }


def _print_sides(titles: tuple[str, str], first: Facts, second: Facts) -> None:
    """Print two columns, and their differences."""
    names = [*first, *(name for name in second if name not in first)]
    rows = []
    for name in names:
        a, b = first.get(name), second.get(name)
        if a is None and b is None:
            continue
        difference = _difference(a, b)
        said = "" if a == b else "differs"
        if difference:
            said = f"{difference:+.6g}"
        rows.append([name, _cell(a), _cell(b), said])
    columns = [
        Column(""),
        Column(titles[0], is_elastic=True),
        Column(titles[1], is_elastic=True),
        Column("difference", is_right=True, rank=1),
    ]
    print_table(columns, rows)


def _cell(value: Any) -> str:
    return text.number(value)

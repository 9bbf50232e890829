"""An experiment and a trial as a notebook shows them: short, and escaped."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence

from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.trials.trial import Trial
from hpcopt.core.words import count, number, visible

#: So many of the latest trials, and so many parameters, are shown.
_N_LATEST, _MOST_PARAMETERS = 10, 20

_TABLE = '<table style="text-align: left">'


def experiment_line(experiment: Experiment) -> str:
    """Return how an experiment stands: ``3 trials: 2 completed, 1 failed``."""
    states = Counter(trial.status.name.lower() for trial in experiment.trials)
    told = count(experiment.n_trials, "trial")
    parts = [f"{n} {state}" for state, n in states.items()]
    return f"{told}: {', '.join(parts)}" if parts else told


def experiment_html(experiment: Experiment, folder: str = "") -> str:
    """Return how an experiment stands, its best and its latest trials.

    Args:
        experiment: As it stands.
        folder: Its folder, if it is known.
    """
    goals = experiment.goals
    read = [DisplayedObjective.of(one) for one in goals.objectives]
    rows = [
        ("folder", folder),
        ("objective", ", ".join(f"{one.direction} {one.label}" for one in read)),
        ("constraints", "; ".join(goals.constraint_expressions)),
        ("trials", experiment_line(experiment)),
        ("best", _best(experiment)),
        ("note", experiment.driver_activity.note),
    ]
    return (
        f"<div><strong>{_escaped(experiment.name)}</strong>{_facts(rows)}"
        f"{_latest(experiment)}</div>"
    )


def trial_html(trial: Trial) -> str:
    """Return a trial's state, parameters and outcome."""
    items = list(trial.parameters.items())
    parameters = [f"{k} = {number(v)}" for k, v in items[:_MOST_PARAMETERS]]
    if len(items) > _MOST_PARAMETERS:
        parameters.append(f"and {len(items) - _MOST_PARAMETERS} more")
    outcome = [
        f"{name} = {number(o.mean)}" + ("" if o.sem is None else f" ± {number(o.sem)}")
        for name, o in trial.outcome.items()
    ]
    n = len(trial.attempts)
    rows = [
        ("parameters", ", ".join(parameters)),
        ("proposed by", trial.generation_method),
        ("outcome", ", ".join(outcome)),
        ("attempts", str(n) if n > 1 else ""),
        ("reason", trial.reason),
    ]
    name = f"trial {trial.index}" + (f", {trial.name}" if trial.name else "")
    state = trial.status.name.lower()
    return f"<div><strong>{_escaped(name)}</strong> {state}{_facts(rows)}</div>"


def _best(experiment: Experiment) -> str:
    if not experiment.goals.is_single:
        n = len(experiment.pareto_trials())
        return f"{count(n, 'trial')} on the Pareto front" if n else ""
    best = experiment.best_trials()[:1]
    if not best:
        return ""
    return f"{_values(experiment, best[0])}, trial {best[0].index}"


def _values(experiment: Experiment, trial: Trial) -> str:
    told = [
        (DisplayedObjective.of(one).label, objective_value(trial, one))
        for one in experiment.goals.objectives
    ]
    return ", ".join(f"{name} = {number(v)}" for name, v in told if v is not None)


def _latest(experiment: Experiment) -> str:
    trials = experiment.trials[-_N_LATEST:]
    if not trials:
        return ""
    rows = [
        [
            str(trial.index),
            trial.status.name.lower(),
            _values(experiment, trial) or trial.reason,
        ]
        for trial in trials
    ]
    return f"{_TABLE}{_row(['trial', 'state', ''], 'th')}{_rows(rows)}</table>"


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return f"{_TABLE}{_rows([name, text] for name, text in rows if text)}</table>"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "".join(_row(row, "td") for row in rows)


def _row(cells: Iterable[str], tag: str) -> str:
    filled = "".join(
        f'<{tag} style="text-align: left">{_escaped(cell)}</{tag}>' for cell in cells
    )
    return f"<tr>{filled}</tr>"


def _escaped(text: str) -> str:
    return html.escape(visible(text))

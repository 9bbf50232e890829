"""Several experiments side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpcopt.analysis.plotly.style import figure, plain
from hpcopt.core.trials.cost import cost_of, spending
from hpcopt.core.words import duration, number
from hpcopt.reporting.cards import figure_html
from hpcopt.reporting.figures import Figures
from hpcopt.reporting.markup import escape, table
from hpcopt.reporting.source import ReportSource

#: How far each experiment had come, by what is compared: hours or core-hours may lack.
_Progress = Callable[[ReportSource], list[float | None]]


def comparison_html(sources: Sequence[ReportSource], figures: Figures) -> str:
    """Return the headlines in one table, the progress of the best, its parameters."""
    parts = [
        f'<section id="comparison"><h1>{len(sources)} experiments</h1>',
        _headlines(sources),
        _curves(sources, figures),
        _parameters(sources),
        "</section>",
    ]
    return "".join(parts)


def _headlines(sources: Sequence[ReportSource]) -> str:
    rows = [
        (
            name,
            source.folder,
            str(source.facts["goal"]),
            _best(source),
            source.facts["n_trials"],
            source.facts["states"].get("failed", 0),
            duration(source.facts["last_event_at"] - source.facts["begun_at"]),
            spending(source.experiment.trials, source.facts["last_event_at"]).spent
            or None,
            source.driver,
        )
        for name, source in zip(names_of(sources), sources, strict=True)
    ]
    columns = (
        "experiment",
        "folder",
        "goal",
        "best",
        "trials",
        "failed",
        "time",
        "core-hours",
        "what next",
    )
    return table("The experiments", columns, rows)


def names_of(sources: Sequence[ReportSource]) -> list[str]:
    """Return what tells the experiments apart: their names, numbered where equal."""
    names = [str(source.experiment.name) for source in sources]
    return [
        name if names.count(name) == 1 else f"{name} ({names[:k].count(name) + 1})"
        for k, name in enumerate(names)
    ]


def _best(source: ReportSource) -> str:
    best = source.facts["best"]
    if best is not None:
        return f"{source.facts['label']} = {number(best['objective'])}"
    n = source.facts["n_on_front"]
    return f"{n} on the Pareto front" if n else "none so far"


def _curves(sources: Sequence[ReportSource], figures: Figures) -> str:
    """Return how the best came down, or up, of experiments with the same goal."""
    goals = {str(source.facts["goal"]) for source in sources}
    if len(goals) > 1 or not sources[0].experiment.goals.is_single:
        return (
            "<p>Their bests are not drawn in one figure: that takes one objective, the "
            "same for all.</p>"
        )
    label = str(sources[0].facts["label"])
    by: Mapping[str, _Progress] = {
        "trials that ended": _by_trial,
        "hours since the experiment began": _by_hour,
        "core-hours": _by_core_hour,
    }
    cards = "".join(
        _curve_card(sources, label, axis, progress, figures)
        for axis, progress in by.items()
    )
    return f'<h2>Progress</h2><div class="cards">{cards}</div>'


def _curve_card(
    sources: Sequence[ReportSource],
    label: str,
    axis: str,
    progress: _Progress,
    figures: Figures,
) -> str:
    traces: list[dict[str, Any]] = []
    for name, source in zip(names_of(sources), sources, strict=True):
        x, y = [], []
        for at, best in zip(progress(source), _best_so_far(source), strict=True):
            if at is not None and best is not None:
                x.append(at)
                y.append(best)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "line": {"shape": "hv", "width": 2},
                "x": x,
                "y": y,
                "name": plain(name),
            }
        )
    title = f"Best so far by {axis}"
    if not any(trace["x"] for trace in traces):
        why = f"Nothing tells the {axis} of any attempt."
        return f'<article class="card absent"><h3>{title}</h3><p>{why}</p></article>'
    drawn = figure(traces, x=axis, y=label)
    return figure_html(title, f"The best {label} after so many {axis}.", drawn, figures)


def _ended(source: ReportSource) -> list[Mapping[str, Any]]:
    """Return the facts of the trials that have ended, in that order."""
    ended = [trial for trial in source.trials if trial["ended_at"] is not None]
    return sorted(ended, key=lambda trial: float(trial["ended_at"]))


def _best_so_far(source: ReportSource) -> list[float | None]:
    better = min if source.facts["direction"] == "minimise" else max
    of_interest = {trial.index for trial in source.experiment.trials_of_interest()}
    best: float | None = None
    found = []
    for trial in _ended(source):
        value = trial["objective"]
        if value is not None and trial["trial"] in of_interest:
            best = value if best is None else better(best, value)
        found.append(best)
    return found


def _by_trial(source: ReportSource) -> list[float | None]:
    return [float(k + 1) for k in range(len(_ended(source)))]


def _by_hour(source: ReportSource) -> list[float | None]:
    begun = source.experiment.begun.time
    return [(trial["ended_at"] - begun) / 3600 for trial in _ended(source)]


def _by_core_hour(source: ReportSource) -> list[float | None]:
    total = 0.0
    found: list[float | None] = []
    for facts in _ended(source):
        trial = source.experiment.trial(int(facts["trial"]))
        hours = [cost_of(attempt).core_hours for attempt in trial.attempts]
        total += sum(one for one in hours if one is not None)
        found.append(total if total else None)
    return found


def _parameters(sources: Sequence[ReportSource]) -> str:
    """Return the parameters of the bests, a column an experiment."""
    bests = [source.facts["best"] for source in sources]
    names = dict.fromkeys(name for best in bests if best for name in best["parameters"])
    if not names:
        return ""
    rows = [
        (name, *(best["parameters"].get(name) if best else None for best in bests))
        for name in names
    ]
    caption = "The parameters of the bests"
    columns = ("parameter", *names_of(sources))
    return f"<h2>{escape(caption)}</h2>{table(caption, columns, rows)}"

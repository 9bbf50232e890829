"""Several experiments side by side."""

from __future__ import annotations

from collections.abc import Sequence

from hpcopt.core.words import duration, number
from hpcopt.report.figures import Figures
from hpcopt.report.markup import table
from hpcopt.report.source import ReportSource


def comparison_html(sources: Sequence[ReportSource], figures: Figures) -> str:
    """Return the headlines in one table."""
    del figures
    rows = [
        (
            str(source.experiment.name),
            source.folder,
            str(source.facts["goal"]),
            _best(source),
            source.facts["n_trials"],
            source.facts["states"].get("failed", 0),
            duration(source.facts["last_event_at"] - source.facts["begun_at"]),
            source.driver,
        )
        for source in sources
    ]
    columns = ("experiment", "folder", "goal", "best", "trials", "failed", "time", "")
    return (
        f'<section id="comparison"><h1>{len(sources)} experiments</h1>'
        f"{table('The experiments', columns, rows)}</section>"
    )


def _best(source: ReportSource) -> str:
    best = source.facts["best"]
    if best is not None:
        return f"{source.facts['label']} = {number(best['objective'])}"
    n = source.facts["n_on_front"]
    return f"{n} on the Pareto front" if n else "none so far"

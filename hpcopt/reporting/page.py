"""The page: the headline, then results, insights, diagnostics, for each experiment."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from hpcopt import __version__
from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import AnalysisCardBase
from hpcopt.analysis.cluster.cluster_analysis import ClusterAnalysis
from hpcopt.analysis.diagnostics import DiagnosticAnalysis
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import HealthcheckAnalysisCard
from hpcopt.analysis.insights import InsightsAnalysis
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.analysis.results import ResultsAnalysis
from hpcopt.core.errors import HpcoptError
from hpcopt.core.words import moment
from hpcopt.reporting.cards import group_html
from hpcopt.reporting.comparison import comparison_html, names_of
from hpcopt.reporting.figures import Figures
from hpcopt.reporting.headline import headline_html
from hpcopt.reporting.markup import (
    data_script,
    escape,
    hash_source,
    heading,
    packed,
    packed_script,
    static_bytes,
    static_text,
)
from hpcopt.reporting.source import ReportSource
from hpcopt.reporting.trial_data import trial_columns, trial_details

#: Nothing may be fetched, and only the scripts of these digests run. plotly writes its
#: own styles, and makes pictures of figures for a person to keep.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)

_LIBRARY = "plotly.min.js.gz"

#: The sections of an experiment, by the analyses whose cards they hold.
_SECTIONS: Mapping[str, tuple[str, type[Analysis]]] = {
    "results": ("Results", ResultsAnalysis),
    "insights": ("Insights", InsightsAnalysis),
    "diagnostics": ("Diagnostics", DiagnosticAnalysis),
    "cluster": ("Cluster", ClusterAnalysis),
}

#: Of more trials the cards show some: the best, the latest, and others evenly.
_MOST_TRIALS = 1000
_LATEST = 200


def report_html(sources: Sequence[ReportSource]) -> str:
    """Return the page about one experiment, or about several side by side.

    What cannot be shown says why in its place.

    Args:
        sources: At least one.

    Raises:
        ValueError: There is none.
    """
    if not sources:
        raise ValueError("expected an experiment, found none")
    figures = Figures()
    is_single = len(sources) == 1
    parts, data, details = [], [], {}
    for number, source in enumerate(sources):
        key = f"e{number}"
        with _said_in_the_page():
            parts.append(_experiment(source, key, figures, is_single=is_single))
        data.append(data_script(f"{key}-trials", trial_columns(source)))
        details[key] = trial_details(source)
    names = names_of(sources)
    title = names[0] if is_single else " · ".join(names)
    top = "" if is_single else comparison_html(sources, figures)
    return "".join(
        [
            _head(title, _links(sources)),
            f'<main id="main">{top}{"".join(parts)}{_foot(sources)}</main>\n',
            _DIALOG,
            *data,
            packed_script("figures", figures.to_json()),
            packed_script("details", details),
            packed("plotly", static_bytes(_LIBRARY)),
            f"<script>{_script()}</script>\n</body>\n</html>\n",
        ]
    )


@contextmanager
def _said_in_the_page() -> Iterator[None]:
    """Keep cards that cannot be made out of the log: the page tells of them."""
    logger = logging.getLogger("hpcopt.analysis")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


_DIALOG = """\
<dialog id="trial" aria-labelledby="trial-title">
<div class="bar"><h2 id="trial-title" tabindex="-1">Trial</h2>
<button type="button" class="before">Before</button>
<button type="button" class="after">After</button>
<button type="button" class="close">Close</button></div>
<div class="content"></div>
</dialog>
"""


def _head(title: str, links: Sequence[tuple[str, str]]) -> str:
    policy = _POLICY.format(scripts=" ".join(_digests()))
    nav = "".join(f'<a href="#{to}">{escape(text)}</a>' for to, text in links)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)} - hpcopt report</title>\n"
        f"<style>{static_text('report.css')}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the content</a>\n'
        f'<header class="top"><span class="name">{escape(title)}</span>'
        f'<nav aria-label="Sections">{nav}</nav>'
        '<button type="button" id="theme" hidden>Dark</button></header>\n'
        "<noscript><p>Scripts are off: there are no figures and there is no table of "
        "all trials. The headline and the tables below the cards are here.</p>"
        "</noscript>\n"
    )


def _links(sources: Sequence[ReportSource]) -> list[tuple[str, str]]:
    if len(sources) > 1:
        return [
            ("comparison", "Comparison"),
            *((f"e{n}", name) for n, name in enumerate(names_of(sources))),
        ]
    return [
        ("e0-headline", "Headline"),
        ("e0-trials-table", "Trials"),
        *((f"e0-{name}", title) for name, (title, _) in _SECTIONS.items()),
    ]


@cache
def _digests() -> tuple[str, str]:
    library = gzip.decompress(static_bytes(_LIBRARY)).decode("utf-8")
    return hash_source(_script()), hash_source(library)


def _script() -> str:
    return static_text("report.js")


def _experiment(
    source: ReportSource, key: str, figures: Figures, *, is_single: bool
) -> str:
    view = ExperimentView(source.experiment, source.modules)
    name = heading(1 if is_single else 2, source.experiment.name)
    strategy = _strategy(view)
    shown, note = _some_trials(view)
    checks = OverviewAnalysis().health_checks(view, strategy)
    bodies = {
        of: _cards(analysis().compute_or_error_card(shown, strategy), figures, note)
        for of, (_, analysis) in _SECTIONS.items()
    }
    if checks.children:
        bodies["diagnostics"] = (
            f'<section id="{key}-checks" class="group"><h3>{checks.title}</h3>'
            f"{_cards(checks, figures)}</section>{bodies['diagnostics']}"
        )
    whose = "" if is_single else f" of {escape(source.experiment.name)}"
    sections = "".join(
        f'<section id="{key}-{of}" aria-labelledby="{key}-{of}-title">'
        f'<h2 id="{key}-{of}-title">{_SECTIONS[of][0]}{whose}</h2>{body}</section>'
        for of, body in bodies.items()
    )
    n_bad = sum(
        not card.is_passing()
        for card in checks.flatten()
        if isinstance(card, HealthcheckAnalysisCard)
    )
    return (
        f'<section id="{key}" data-experiment="{escape(source.experiment.name)}">'
        f'<section id="{key}-headline" '
        f'aria-label="Headline of {escape(source.experiment.name)}">{name}'
        f'<p class="meta">{escape(source.folder)}</p>'
        f"{headline_html(source, view, key, n_bad)}</section>"
        f"{_trials(source, key, is_single=is_single)}{sections}</section>"
    )


def _strategy(view: ExperimentView) -> GenerationStrategyView | None:
    try:
        return GenerationStrategyView(view.core, view.modules)
    except HpcoptError:  # of another version; the cards that need it say so
        return None


def _cards(card: AnalysisCardBase, figures: Figures, note: str = "") -> str:
    """Return what is in a group of cards, which may show only some trials."""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"{said}{group_html(card, figures)}"


def _some_trials(view: ExperimentView) -> tuple[ExperimentView, str]:
    """Return what the cards show, and how it is said where that is not all."""
    core = view.core
    n = core.n_trials
    if n <= _MOST_TRIALS:
        return view, ""
    best = core.best_trials()[:1] if core.goals.is_single else core.pareto_trials()
    baseline = [] if core.baseline is None else [core.baseline]
    kept = {trial.index for trial in (*best, *baseline)} | set(range(n - _LATEST, n))
    n_others = max(_MOST_TRIALS - len(kept), 1)
    kept |= {k * n // n_others for k in range(n_others)}
    note = (
        f"The models know all {n} trials. Figures of trials show {len(kept)} of them: "
        f"the best, the latest {_LATEST}, and others evenly."
    )
    return view.showing(kept), note


def _trials(source: ReportSource, key: str, *, is_single: bool) -> str:
    of = "" if is_single else f" of {escape(source.experiment.name)}"
    title = f'<h2 id="{key}-trials-table-title">Trials{of}</h2>'
    begin = (
        f'<section id="{key}-trials-table" '
        f'aria-labelledby="{key}-trials-table-title">{title}'
    )
    if not source.trials:
        return f"{begin}<p>There is no trial so far.</p></section>"
    return (
        f"{begin}<p>A line for each trial that has an objective, coloured by it. Drag "
        "along an axis to keep the lines that pass there: the table below keeps their "
        "trials.</p>"
        '<div class="wide-scroll" tabindex="0" role="region" '
        f'aria-label="Parallel coordinates of the trials{of}">'
        '<div class="plot parcoords parcoords-place" role="group" aria-label="Parallel '
        'coordinates of the trials; their numbers are in the table below"></div></div>'
        f'<div class="bar"><label for="{key}-filter">Filter</label>'
        f'<input id="{key}-filter" class="filter" type="search" autocomplete="off" '
        f'spellcheck="false" placeholder="status=failed run_s&gt;60" '
        f'aria-describedby="{key}-told">'
        '<button type="button" class="clear">Clear</button>'
        '<button type="button" class="previous">Previous</button>'
        '<button type="button" class="next">Next</button>'
        f'<span class="told" id="{key}-told" role="status"></span>'
        '<span class="wrong" role="alert"></span></div>'
        '<div class="scroll trials-place" tabindex="0" role="region" '
        f'aria-label="Table of the trials{of}"></div></section>'
    )


def _foot(sources: Sequence[ReportSource]) -> str:
    when: Any = max(source.now for source in sources)
    return (
        f'<footer><p class="meta">Made {moment(when)} by hpcopt {__version__}. The '
        "page holds all that it shows: it asks nothing of any network.</p></footer>"
    )

"""The page is whole, asks nothing of a network, and runs nothing that users wrote."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from typing_extensions import override

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.cli.views.facts import attempt_facts, experiment_facts, trial_facts
from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Phase
from hpcopt.reporting.comparison import names_of
from hpcopt.reporting.figures import MOST_POINTS, Figures
from hpcopt.reporting.headline import headline_html
from hpcopt.reporting.markup import hash_source, static_bytes
from hpcopt.reporting.page import report_html
from hpcopt.reporting.source import ReportSource
from tests.support.analysis_world import Outcome, experiment, losses

#: As a person could name what is theirs.
EVIL = '</script><script>alert("x")</script><!--"><img src=http://a.b/c onerror=x> é😀'
TURNED = "abc\u202edef\x07"


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.texts: list[str] = []
        self._in_script: str | None = None
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._in_script = dict(attrs).get("id") or "code"

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = None

    @override
    def handle_data(self, data: str) -> None:
        if self._in_script is None:
            self.texts.append(data)
        else:
            self.scripts[self._in_script] = data

    def inflated(self, identifier: str) -> Any:
        packed = base64.b64decode(self.scripts[identifier])
        return json.loads(gzip.decompress(packed))


def source(of: Experiment, log: str = "") -> ReportSource:
    goals = of.absolute_goals
    return ReportSource(
        folder="/data/demo",
        experiment=of,
        facts=experiment_facts(of, 100.0),
        driver="not begun",
        trials=[trial_facts(trial, goals) for trial in of.trials],
        attempts=lambda index: [attempt_facts(a) for a in of.trial(index).attempts],
        end_of_log=lambda _attempt, n_bytes: log[-n_bytes:],
        now=100.0,
    )


def page_of(*args: Any, **kwargs: Any) -> Page:
    return Page(report_html([source(experiment(*args, **kwargs))]))


@pytest.mark.parametrize(
    "outcomes", [[], losses(0.5), [None], [None, None, None, {}]], ids=str
)
def test_there_is_a_page_however_little_is_known(
    outcomes: Sequence[Outcome | None],
) -> None:
    page = page_of("-loss", outcomes)
    text = " ".join(page.texts)
    assert "Best so far" in text
    assert "Traceback" not in text
    assert {"results", "insights", "diagnostics"} <= {
        str(attributes.get("id")).removeprefix("e0-") for _, attributes in page.elements
    }


def test_nothing_is_loaded_and_only_the_page_s_own_scripts_run() -> None:
    page = page_of("-loss", losses(0.5, 0.3, 0.4))
    loads = [
        (tag, attributes)
        for tag, attributes in page.elements
        if attributes.keys() & {"src", "srcset", "data", "action"}
        or (tag == "link")
        or (tag == "a" and not str(attributes.get("href")).startswith("#"))
        or any(name.startswith("on") for name in attributes)
    ]
    assert loads == []
    [policy] = [
        str(attributes["content"])
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    library = gzip.decompress(static_bytes("plotly.min.js.gz")).decode("utf-8")
    for script in (page.scripts["code"], library):
        assert hash_source(script) in policy
    [allowed] = re.findall("script-src ([^;]*);", policy)
    assert len(allowed.split()) == 2


def test_what_users_write_is_text_and_not_markup() -> None:
    space = SearchSpace(
        (
            RangeParameter(EVIL, 0.0, 1.0),
            ChoiceParameter("kind", (EVIL, TURNED)),
        )
    )
    page = page_of(
        "-loss",
        losses(0.5, 0.3, 0.4),
        space=space,
        parameters=[
            {EVIL: 0.5, "kind": EVIL},
            {EVIL: 0.1, "kind": TURNED},
            {EVIL: 0.2, "kind": EVIL},
        ],
        name=EVIL,
    )
    assert [tag for tag, _ in page.elements if tag == "img"] == []
    assert sum(tag == "script" for tag, _ in page.elements) == 5
    text = "".join(page.texts)
    assert EVIL in text
    assert "\u202e" not in text
    columns = json.loads(page.scripts["e0-trials"])
    assert EVIL in [column["label"] for column in columns]


def test_a_figure_has_a_table_and_an_alternative() -> None:
    page = page_of("-loss", losses(0.5, 0.3, 0.4, 0.2))
    figures = page.inflated("figures")["figures"]
    places = [a for _, a in page.elements if "data-figure" in a]
    assert len(places) == len(figures) > 3
    assert all("in the table" in str(a["aria-label"]) for a in places)


def test_a_trial_has_its_attempts_and_the_end_of_its_log() -> None:
    from tests.support.cli_world import EVENTS

    page = Page(report_html([source(Experiment.from_events(EVENTS), "a\nb")]))
    details = page.inflated("details")["e0"]
    assert details["logs"]["1"] == "a\nb"
    [attempt] = details["attempts"][1]
    assert attempt["job"] == "13_1"
    assert attempt["run_s"] == 62.0
    assert details["sems"] == {"1": {"loss": 0.01}}


def test_the_ends_of_logs_have_a_limit_in_all() -> None:
    from tests.support.cli_world import EVENTS

    page = Page(report_html([source(Experiment.from_events(EVENTS), "x" * 10**6)]))
    logs = page.inflated("details")["e0"]["logs"]
    assert all(len(text) == 4096 for text in logs.values())


def test_several_are_compared() -> None:
    sources = [
        source(experiment("-loss", losses(0.5, 0.3), name=name)) for name in "ab"
    ]
    page = Page(report_html(sources))
    assert {"comparison", "e0", "e1"} <= {str(a.get("id")) for _, a in page.elements}
    figures = page.inflated("figures")["figures"]
    curves = [f for f in figures if [t.get("name") for t in f["data"]] == ["a", "b"]]
    assert [trace["y"] for trace in curves[0]["data"]] == [[0.5, 0.3], [0.5, 0.3]]


def test_experiments_of_one_name_are_told_apart() -> None:
    sources = [source(experiment("-loss", losses(0.5))) for _ in range(2)]
    assert names_of(sources) == ["bowl (1)", "bowl (2)"]


def test_the_headline_tells_the_cost_and_what_was_in_vain() -> None:
    from tests.support.cli_world import EVENTS

    told = report_html([source(Experiment.from_events(EVENTS))])
    assert "Nothing tells the core-hours of" in told
    requested = [
        dataclasses.replace(
            event,
            attempts=tuple(
                dataclasses.replace(
                    one, metadata={**one.metadata, "requested": {"cpus": 60}}
                )
                for one in event.attempts
            ),
        )
        if isinstance(event, ev.AttemptsSubmitted)
        else event
        for event in EVENTS
    ]
    told = report_html([source(Experiment.from_events(requested))])
    assert re.search(r"[\d.]+ core-hours", told)
    assert "of them gave nothing" in told
    assert "by the CPUs asked for, not accounted." in told
    assert "Failures: 1 program failed." in told


def test_the_headline_says_what_its_interval_is() -> None:
    values = [(k - 2.3) ** 2 for k in range(6)]
    of = experiment("-loss", losses(*values))
    told = headline_html(source(of), ExperimentView(of), "e0", 0)
    assert re.search(r"The model expects loss = \S+ ± \S+ \(95 %\) there\.", told)


def test_the_library_draws_every_kind_of_trace_that_cards_have() -> None:
    import hpcopt.analysis

    folder = next(iter(hpcopt.analysis.__path__))
    from pathlib import Path

    used = {
        name.lower()
        for path in Path(folder).rglob("*.py")
        for name in re.findall(r"\bgo\.([A-Z]\w+)", path.read_text(encoding="utf-8"))
    } - {"figure", "layout"}
    library = gzip.decompress(static_bytes("plotly.min.js.gz")).decode("utf-8")
    drawn = set(re.findall(r'moduleType:"trace",name:"(\w+)"', library))
    assert used
    assert used <= drawn


def test_without_the_models_packages_the_rest_of_the_page_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'botorch'", name="botorch")

    monkeypatch.setattr("hpcopt.analysis.models.Models._metric", missing)
    page = page_of("-loss", losses(0.5, 0.3, 0.4, 0.2))
    text = " ".join(page.texts)
    assert "No model is asked: the package botorch is not installed here." in text
    assert "It needs the Python package botorch, which is not installed here." in text
    assert "Traceback" not in text
    assert any("data-figure" in attributes for _, attributes in page.elements)


def test_of_many_points_some_are_drawn_but_lines_stay_in_pieces() -> None:
    n = MOST_POINTS + 1
    points = {
        "type": "scatter",
        "x": list(range(n)),
        "text": [str(k) for k in range(n)],
    }
    pieces = {"type": "scatter", "x": [0, 1, None] * n, "y": [0, 0, None] * n}
    figures = Figures()
    assert figures.add(json.dumps({"data": [points]})) == (0, n)
    assert figures.add(json.dumps({"data": [pieces]})) == (1, None)
    some, all_pieces = (f["data"][0] for f in figures.to_json()["figures"])
    assert len(some["x"]) == MOST_POINTS
    assert some["text"] == [str(x) for x in some["x"]]
    assert len(all_pieces["x"]) == 3 * n


def test_attempts_that_nobody_watches_any_more_cost_nothing() -> None:
    from tests.support.cli_world import EVENTS

    events: list[ev.Event] = []
    for event in EVENTS:
        events.append(event)
        if isinstance(event, ev.AttemptsSubmitted):
            break
    last = events.pop()
    assert isinstance(last, ev.AttemptsSubmitted)
    metadata = {"requested": {"cpus": 60}}
    one = dataclasses.replace(last.attempts[0], metadata=metadata)
    began = ev.AttemptObserved(
        last.time, one.trial_index, one.number, Phase.RUNNING, "RUNNING", {}
    )
    told = ev.DriverBegun(last.time + 60.0, "login1", 1, "0")
    events += [dataclasses.replace(last, attempts=(one,)), began, told]
    late = dataclasses.replace(source(Experiment.from_events(events)), now=1e9)
    assert '<p class="big">1 core-hours</p>' in report_html([late])


def test_numbers_that_differ_in_their_last_digits_are_told_apart() -> None:
    energies = [-12345.678912, -12345.678934, -12345.678899]
    page = page_of("-loss", losses(*energies))
    [column] = [
        column
        for column in json.loads(page.scripts["e0-trials"])
        if column["group"] == "objective"
    ]
    assert column["values"] == energies
    assert column["digits"] > 10
    trace = {"type": "scatter", "x": [0, 1, 2], "y": [*energies[:2], None]}
    best = {"type": "scatter", "x": [2], "y": energies[2:], "opacity": 0.12345678}
    figures = Figures()
    figures.add(json.dumps({"data": [trace, best]}))
    some, one = figures.to_json()["figures"][0]["data"]
    assert some["y"] == [*energies[:2], None]
    assert one["y"] == energies[2:]


def test_what_nobody_sees_is_not_written() -> None:
    thirds = {"type": "scatter", "x": [1 / 30, 1 / 3], "y": [2 / 3, float("nan")]}
    figures = Figures()
    figures.add(json.dumps({"data": [thirds]}))
    [found] = figures.to_json()["figures"][0]["data"]
    assert found["x"] == [0.0333333, 0.333333]
    assert found["y"][1] is None


def test_halves_of_characters_are_written_as_escapes() -> None:
    half = "a\ud800b"
    space = SearchSpace((ChoiceParameter("kind", (half, "c")),))
    parameters = [{"kind": half}, {"kind": "c"}]
    named = experiment(
        "-loss", losses(0.5, 0.3), space=space, parameters=parameters, name=half
    )
    text = report_html([source(named)])
    assert text.encode("utf-8")
    assert r"a\ud800b" in text


def test_a_trial_from_outside_the_space_is_no_best_in_a_comparison() -> None:
    inside = experiment("-loss", losses(0.5, 0.3), name="a")
    values: Mapping[str, Any] = {"x": 7.0, "kind": "a"}
    for event in (
        ev.TrialAttached(10.0, 2, values, outside=("x is 7",)),
        ev.TrialCompleted(11.0, 2, {"loss": ev.ObservedMetric(0.1)}),
    ):
        inside.apply(event)
    page = Page(report_html([source(inside), source(inside)]))
    curves = [
        [trace["y"] for trace in figure["data"]]
        for figure in page.inflated("figures")["figures"]
        if [trace.get("name") for trace in figure["data"]] == ["a (1)", "a (2)"]
    ]
    assert curves[0] == [[0.5, 0.3, 0.3]] * 2

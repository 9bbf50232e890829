"""What a person wants to know first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.core.errors import HpcoptError
from hpcopt.core.trials.cost import spending
from hpcopt.core.words import count, duration, failures, moment, number
from hpcopt.reporting.markup import escape, table
from hpcopt.reporting.source import ReportSource

#: 95 % of a Gaussian lie within so many standard deviations.
_Z_95 = 1.96

#: Of a Pareto front so many trials are named.
_MOST_OF_FRONT = 4


def headline_html(
    source: ReportSource, view: ExperimentView, key: str, n_bad_checks: int
) -> str:
    """Return the best so far, how sure that is, how it goes on and what it cost.

    Args:
        source: The experiment.
        view: The experiment as cards see it.
        key: Begins the identifiers of what belongs to this experiment.
        n_bad_checks: How many health checks say that something needs a look.
    """
    facts = source.facts
    tiles = [
        ("Best so far", _best(source, key)),
        ("How sure", f"<p>{escape(how_sure(source, view))}</p>"),
        ("Trials", _trials(source)),
        ("What next", _next(source, key, n_bad_checks)),
        ("What it cost", _cost(source)),
    ]
    inner = "".join(
        f'<section class="tile"><h2>{title}</h2>{body}</section>'
        for title, body in tiles
    )
    goals = [str(facts["goal"]), *map(str, facts["outcome_constraints"])]
    return (
        f'<p class="goal">{escape(", where ".join(goals[:2]))}'
        f"{''.join(f' and {escape(one)}' for one in goals[2:])}</p>"
        f'<div class="tiles">{inner}</div>{_parameters(source)}'
    )


def how_sure(source: ReportSource, view: ExperimentView) -> str:
    """Say how well the best value is known: by the model, or by its standard error."""
    facts = source.facts
    if facts["n_on_front"]:
        return (
            "Each point of the front is what was observed once; the cards of "
            "diagnostics say how well the models predict such outcomes."
        )
    best = facts["best"]
    if best is None:
        return "Nothing can be said before there is a best trial."
    said = [*_observed(best), *_modelled(source, view, best), *_feasible(source, best)]
    return " ".join(said)


def _observed(best: Any) -> Iterator[str]:
    sems = {name: one["sem"] for name, one in best["metrics"].items() if one["sem"]}
    if sems:
        errors = ", ".join(f"{number(sem)} of {name}" for name, sem in sems.items())
        yield f"Observed with a standard error of {errors}."
    else:
        yield "It was observed without a standard error."


def _modelled(source: ReportSource, view: ExperimentView, best: Any) -> Iterator[str]:
    names = source.experiment.goals.objective.metric_names
    for name in names:
        try:
            mean, sem = models_of(view).predict(name, [best["parameters"]])
        except HpcoptError as exc:
            yield f"No model of {name} can be asked: {exc}."
            continue
        except ModuleNotFoundError as exc:
            yield f"No model is asked: the package {exc.name} is not installed here."
            return
        around = number(float(_Z_95 * sem[0]))
        expected = f"{number(float(mean[0]))} ± {around}"
        yield f"The model expects {name} = {expected} (95 %) there."


def _feasible(source: ReportSource, best: Any) -> Iterator[str]:
    if source.experiment.goals.constraints and best["is_feasible"]:
        yield "It was observed to satisfy all outcome constraints."


def _best(source: ReportSource, key: str) -> str:
    facts = source.facts
    if facts["n_on_front"]:
        return _front(source, key)
    best = facts["best"]
    if best is None:
        return f'<p class="big">none</p><p>{escape(why_no_best(source))}</p>'
    trial = best["trial"]
    return (
        f'<p class="big">{escape(facts["label"])} = '
        f"{escape(number(best['objective']))}</p>"
        f'<p>by <a href="#{key}-trial-{trial}">trial {trial}</a></p>'
    )


def _front(source: ReportSource, key: str) -> str:
    n = source.facts["n_on_front"]
    front = sorted(trial.index for trial in source.experiment.pareto_trials())
    items = []
    for index in front[-_MOST_OF_FRONT:]:
        values = source.trials[index]["objectives"].items()
        told = ", ".join(f"{label} = {number(value)}" for label, value in values)
        link = f'<a href="#{key}-trial-{index}">{index}</a>'
        items.append(f"<li>{link}: {escape(told)}</li>")
    some = ", the latest of which are" if n > _MOST_OF_FRONT else ""
    return (
        f'<p class="big">{count(n, "trial")}</p><p>on the Pareto front{some}:</p>'
        f'<ul class="front">{"".join(items)}</ul>'
    )


def why_no_best(source: ReportSource) -> str:
    """Say why no trial is the best."""
    completed = source.facts["states"].get("completed", 0)
    if not completed:
        return "no trial is completed so far"
    bounds = " and ".join(source.facts["outcome_constraints"])
    return f"none of {completed} completed trials satisfies {bounds or 'the goals'}"


def _trials(source: ReportSource) -> str:
    facts = source.facts
    of = f" of {facts['max_trials']}" if facts["max_trials"] else ""
    items = "".join(
        f'<li><span class="dot s-{state}"></span>{n} {state.replace("_", " ")}</li>'
        for state, n in facts["states"].items()
    )
    causes = failures(facts["failures"])
    failed = f"<p>Failures: {escape(causes)}.</p>" if causes else ""
    retried = f"<p>{count(facts['retries'], 'retry')}.</p>" if facts["retries"] else ""
    return (
        f'<p class="big">{facts["n_trials"]}{of}</p><ul class="states">{items}</ul>'
        f"{failed}{retried.replace('retrys', 'retries')}"
    )


def _next(source: ReportSource, key: str, n_bad_checks: int) -> str:
    notes = [source.facts["note"], source.facts["generator_note"]]
    said = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    if n_bad_checks:
        checks = count(n_bad_checks, "health check")
        needs = "needs" if n_bad_checks == 1 else "need"
        said += f'<p><a href="#{key}-checks">{checks}</a> {needs} a look.</p>'
    driver = f"{source.driver[:1].upper()}{source.driver[1:]}"
    return f"<p>{escape(driver)}.</p>{said}"


def _cost(source: ReportSource) -> str:
    facts = source.facts
    begun, last = moment(facts["begun_at"]), moment(facts["last_event_at"])
    elapsed = duration(facts["last_event_at"] - facts["begun_at"])
    # What became of attempts after the last event nobody knows: the driver may have
    # been killed long ago.
    spent = spending(source.experiment.trials, facts["last_event_at"])
    said = [f"from {begun} to {last}."]
    head = elapsed
    if spent.spent:
        head = f"{number(float(f'{spent.spent:.3g}'))} core-hours"
        share = f"{spent.wasted / spent.spent:.0%}"
        said = [f"{share} of them gave nothing.", f"{elapsed}, {said[0]}"]
        if spent.n_estimated:
            by = count(spent.n_estimated, "attempt")
            said.append(f"Those of {by} are by the CPUs asked for, not accounted.")
    if spent.n_unknown:
        of = count(spent.n_unknown, "attempt")
        said.append(f"Nothing tells the core-hours of {of}.")
    lines = "".join(f"<p>{escape(one)}</p>" for one in said)
    return f'<p class="big">{escape(head)}</p>{lines}'


def _parameters(source: ReportSource) -> str:
    best = source.facts["best"]
    if best is None:
        return ""
    names = list(best["parameters"])
    values = [best["parameters"][name] for name in names]
    # In full: to be copied from here.
    rows = [(name, str(value)) for name, value in zip(names, values, strict=True)]
    caption = "The best parameters"
    label = f"{caption} of {source.experiment.name}"
    return (
        f'<details class="best"{" open" if len(rows) <= 12 else ""}>'
        f"<summary>{caption}</summary>"
        f"{table(label, ('parameter', 'value'), rows)}</details>"
    )

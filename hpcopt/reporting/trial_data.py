"""The trials as the page's scripts have them: columns, and what is shown of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.reporting.digits import MOST, digits_of, rounded
from hpcopt.reporting.source import Facts, ReportSource

#: So many digits are in a table, of numbers that differ by as much as they are large:
#: one more than is shown.
_DIGITS = 7

#: The ends of logs in a page have so many bytes each, and altogether.
_LOG_BYTES = 4096
_ALL_LOG_BYTES = 400_000

#: A metric is also a column where it is not an objective itself.
Column = dict[str, Any]


def trial_columns(source: ReportSource) -> list[Column]:
    """Return the columns of the table of trials.

    Each has a ``key`` by which it is filtered, a ``label``, a ``group``, ``values``
    (``None`` is nothing), and of parameters how their axis is drawn: ``log``,
    ``levels``. ``digits`` has how many of a column are shown where six do not tell its
    numbers apart.
    """
    trials = source.trials
    columns = [
        _column("trial", "trial", "trial", [t["trial"] for t in trials]),
        _column("status", "status", "trial", [t["state"] for t in trials]),
    ]
    labels = list(trials[0]["objectives"]) if trials else []
    for label in labels:
        values = [t["objectives"][label] for t in trials]
        columns.append(_column(label, label, "objective", values))
    if source.experiment.goals.constraints:
        values = [t["is_feasible"] for t in trials]
        columns.append(_column("feasible", "feasible", "trial", values))
    for parameter in source.experiment.space.parameters:
        name = parameter.name
        values = [t["parameters"].get(name) for t in trials]
        column = _column(name, name, "parameter", values)
        if getattr(parameter, "log", False):
            column["log"] = True
        columns.append(column)
    for name in _other_metrics(trials, labels):
        values = [t["metrics"].get(name, {}).get("mean") for t in trials]
        columns.append(_column(name, name, "metric", values))
    columns += [
        _column("run_s", "run time / s", "cost", [t["run_s"] for t in trials]),
        _column("queue_s", "queue time / s", "cost", [t["queue_s"] for t in trials]),
        _column("attempts", "attempts", "cost", [t["attempts"] for t in trials]),
        _column("method", "proposed by", "trial", [t["method"] for t in trials]),
        _column("cause", "cause", "trial", [t["cause"] for t in trials]),
        _column("why", "why", "trial", [t["reason"] for t in trials]),
    ]
    always = ("trial", "status")
    return [
        column
        for column in columns
        if column["key"] in always
        or column["group"] in ("parameter", "objective")
        or any(value is not None for value in column["values"])
    ]


def trial_details(source: ReportSource) -> dict[str, Any]:
    """Return what is shown of a trial that is not in the table.

    By index ``attempts``, ``origins`` as numbers of what ``sentences`` has, and
    ``logs``, of which there are only some.
    """
    begun = source.experiment.begun.time
    sentences: dict[str, int] = {}
    origins = []
    for trial in source.trials:
        text = _origin(trial)
        origins.append(sentences.setdefault(text, len(sentences)))
    return {
        "attempts": [
            [_attempt(one, begun) for one in source.attempts(int(trial["trial"]))]
            for trial in source.trials
        ],
        "origins": origins,
        "sentences": list(sentences),
        "sems": _sems(source.trials),
        "logs": dict(_logs(source)),
    }


def _column(key: str, label: str, group: str, values: Sequence[Any]) -> Column:
    floats = [value for value in values if isinstance(value, float)]
    digits = min(digits_of(values, _DIGITS), MOST - 1) if len(set(floats)) > 1 else 0
    shown = [_shown(value, max(digits, _DIGITS)) for value in values]
    column: Column = {"key": key, "label": label, "group": group, "values": shown}
    if digits > _DIGITS:
        column["digits"] = digits - 1
    return column


def _shown(value: Any, digits: int = _DIGITS) -> Any:
    return rounded(value, digits) if isinstance(value, float) else value


def _other_metrics(trials: Sequence[Facts], labels: Sequence[str]) -> list[str]:
    names = dict.fromkeys(name for trial in trials for name in trial["metrics"])
    return [name for name in names if name not in labels]


def _sems(trials: Sequence[Facts]) -> dict[str, dict[str, float]]:
    """Return the standard errors that are known, by trial and metric."""
    found = {
        str(trial["trial"]): {
            name: float(f"{metric['sem']:.4g}")
            for name, metric in trial["metrics"].items()
            if metric["sem"] is not None and math.isfinite(metric["sem"])
        }
        for trial in trials
    }
    return {trial: sems for trial, sems in found.items() if sems}


def _origin(trial: Facts) -> str:
    origin: Mapping[str, Any] = trial["origin"] or {}
    names = [origin.get("model"), origin.get("acquisition"), origin.get("why")]
    return "; ".join([str(name) for name in names if name])


def _attempt(facts: Facts, begun: float) -> dict[str, Any]:
    """Return an attempt; times are in seconds since the experiment began."""
    more: Mapping[str, Any] = facts["facts"]
    attempt = {
        "phase": facts["phase"],
        "cause": facts["cause"],
        "why": facts["reason"],
        "job": facts["job_id"],
        "node": more.get("node") or more.get("host"),
        "submitted": _since(facts["submitted_at"], begun),
        "queue_s": _shown(facts["queue_s"]),
        "run_s": _shown(facts["run_s"]),
    }
    return {key: value for key, value in attempt.items() if value not in (None, "")}


def _since(moment: float | None, begun: float) -> float | None:
    return None if moment is None else round(moment - begun, 1)


def _logs(source: ReportSource) -> Iterator[tuple[int, str]]:
    """Yield the ends of logs: of the best, of what failed, of the latest."""
    left = _ALL_LOG_BYTES
    for trial in _by_interest(source):
        if left < _LOG_BYTES:
            return
        if trial.attempts:
            text = source.end_of_log(trial.attempts[-1], _LOG_BYTES)
            left -= len(text)
            if text:
                yield trial.index, text


def _by_interest(source: ReportSource) -> list[Trial]:
    """Return the trials whose logs a person may want, the likeliest first."""
    trials = source.experiment.trials
    best = source.facts.get("best")
    first = {int(best["trial"])} if best else set()

    def rank(trial: Trial) -> tuple[bool, bool, int]:
        is_failed = trial.status is TrialStatus.FAILED
        return trial.index not in first, not is_failed, -trial.index

    return sorted(trials, key=rank)[: 2 * _ALL_LOG_BYTES // _LOG_BYTES]

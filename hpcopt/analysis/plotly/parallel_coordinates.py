"""All parameters of all completed arms at once, coloured by a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import (
    ExperimentView,
    TrialView,
    required,
)
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import check_metrics, selected_metric
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import SEQUENTIAL, figure, plain, robust_range
from hpcopt.analysis.text import visible
from hpcopt.analysis.thinning import some_of, thinned
from hpcopt.core.trials.trial import TrialStatus

Array = npt.NDArray[np.float64]

#: So many parameters have an axis; of more, those that go best with the metric.
_MOST_AXES = 15

#: Labels are cut to so many characters, as axes stand close to each other.
_LONGEST_LABEL = 18

#: Where an inactive parameter is, in widths of the range below its lower end.
_INACTIVE = 0.12


class ParallelCoordinatesPlot(Analysis):
    """One line for each completed arm, an axis for each parameter and for a metric.

    Drag along an axis to keep the lines that pass there.
    """

    def __init__(self, metric_name: str | None = None) -> None:
        """Choose the metric.

        Args:
            metric_name: That of the objective by default.
        """
        self.metric_name = metric_name

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_data(None)
        name = selected_metric(experiment, self.metric_name)
        check_metrics(experiment, [name])
        if why := why_without_data(experiment, [name]):
            return why
        if not _trials(experiment, name):
            return f"No completed trial has a value of {name} yet."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        view = required(experiment)
        name = selected_metric(view, self.metric_name)
        df = _table(view, name)
        drawn = {t.index for t in thinned(view, _trials(view, name))}
        varied = _varied(view, df)
        shown = _strongest(varied, df)
        some = (
            f" Of {len(varied)} parameters those {len(shown)} are shown whose values "
            "go best with it."
            if len(shown) < len(varied)
            else ""
        )
        return create_plotly_analysis_card(
            type(self).__name__,
            f"Parallel Coordinates for {name}",
            f"A line for each of {len(df)} completed arms, coloured by {name}.{some} "
            "Where lines of one colour come together, a parameter matters; drag along "
            "an axis to keep the lines that pass there." + some_of(len(drawn), len(df)),
            df.rename(columns={_METRIC: name}),
            _figure(view, name, df[df["trial_index"].isin(drawn)], shown),
        )


#: The metric's column, which a parameter may have the name of.
_METRIC = "\0metric"


def _trials(view: ExperimentView, name: str) -> list[TrialView]:
    return [
        trial
        for trial in view.trials.values()
        if trial.status is TrialStatus.COMPLETED
        and name in trial.core.outcome
        and np.isfinite(trial.core.outcome[name].mean)
    ]


def _table(view: ExperimentView, name: str) -> pd.DataFrame:
    trials = _trials(view, name)
    columns: dict[str, list[Any]] = {
        "trial_index": [trial.index for trial in trials],
        "arm_name": [trial.arm.name for trial in trials],
    }
    for parameter in view.search_space.parameters:
        columns[parameter] = [trial.arm.parameters.get(parameter) for trial in trials]
    columns[_METRIC] = [trial.core.outcome[name].mean for trial in trials]
    return pd.DataFrame(columns)


def _varied(view: ExperimentView, df: pd.DataFrame) -> list[str]:
    """Return the parameters of which there are several values, or else all."""
    names = list(view.search_space.parameters)
    varied = [name for name in names if df[name].dropna().astype(str).nunique() > 1]
    return varied or names


def _strongest(names: list[str], df: pd.DataFrame) -> list[str]:
    """Return the parameters that have an axis, in their order."""
    if len(names) <= _MOST_AXES:
        return names
    metric = df[_METRIC].rank()
    strength = {
        name: abs(np.nan_to_num(_codes(df[name]).rank().corr(metric))) for name in names
    }
    kept = sorted(names, key=lambda name: -strength[name])[:_MOST_AXES]
    return [name for name in names if name in kept]


def _codes(values: pd.Series) -> pd.Series:
    """Return numbers as they are, other values as the numbers of their levels."""
    if _is_numeric(values):
        return values.astype(float)
    codes = pd.Series(pd.factorize(values, sort=False)[0], dtype=float)
    return codes.where(codes >= 0)


def _is_numeric(values: pd.Series) -> bool:
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in values.dropna()
    )


def _figure(
    view: ExperimentView, name: str, df: pd.DataFrame, shown: Sequence[str]
) -> go.Figure:
    metric = df[_METRIC].to_numpy(dtype=float)
    is_low = view.metrics[name].lower_is_better
    best = float(metric.max() if is_low is False else metric.min())
    low, high = robust_range(metric, best) or (metric.min(), metric.max())
    trace = go.Parcoords(
        dimensions=[
            {"label": "trial", "values": df["trial_index"].to_numpy()},
            *(_dimension(view, parameter, df[parameter]) for parameter in shown),
            {"label": _label(name), "values": metric},
        ],
        line={
            "color": metric,
            "colorscale": SEQUENTIAL,
            "cmin": low,
            "cmax": high if high > low else low + 1.0,
            "showscale": True,
            "colorbar": {"title": {"text": _label(name)}, "thickness": 12},
        },
        labelangle=-15,
        labelside="top",
        unselected={"line": {"color": "rgba(128, 128, 128, 0.15)"}},
    )
    return figure([trace], margin={"l": 70, "r": 40, "t": 90, "b": 30})


def _dimension(view: ExperimentView, name: str, values: pd.Series) -> dict[str, Any]:
    """Return the axis of a parameter; an inactive one has a place below its range."""
    parameter = view.search_space.parameters[name]
    is_inactive = values.isna().to_numpy()
    if _is_numeric(values):
        codes = values.astype(float).to_numpy()
        is_log = getattr(parameter, "log", False) and bool(
            (codes[~is_inactive] > 0).all()
        )
        codes = np.log10(codes) if is_log else codes
        bounds = [getattr(parameter, end, None) for end in ("lower", "upper")]
        ends = np.array([end for end in bounds if end is not None], dtype=float)
        ends = np.log10(ends) if is_log else ends
        ticks = _number_ticks(np.append(ends, codes[~is_inactive]))
        if getattr(parameter, "parameter_type", "") == "int" and not is_log:
            ticks = np.unique(np.round(ticks))
        texts = [f"{10.0**tick if is_log else tick:.4g}" for tick in ticks]
    else:
        levels = list(dict.fromkeys([*_levels(parameter), *values.dropna()]))
        place = {level: float(k) for k, level in enumerate(levels)}
        codes = np.array([place.get(value, np.nan) for value in values])
        ticks = np.arange(len(levels), dtype=float)
        # Texts at ticks are no markup, unlike those of axes.
        texts = [_short(level) for level in levels]
    if is_inactive.any():
        width = float(np.ptp(ticks)) or 1.0
        below = float(ticks.min()) - _INACTIVE * width if len(ticks) else 0.0
        codes = np.where(is_inactive, below, codes)
        ticks, texts = np.append(ticks, below), [*texts, "inactive"]
    return {
        "label": _label(name),
        "values": codes,
        "tickvals": ticks,
        "ticktext": texts,
        "range": _padded(ticks),
    }


def _levels(parameter: Any) -> Sequence[Any]:
    return getattr(parameter, "values", ())


def _number_ticks(values: Array) -> Array:
    """Return five numbers from the smallest to the largest of ``values``."""
    if len(values) == 0:
        return np.zeros(0)
    return np.unique(np.linspace(values.min(), values.max(), 5))


def _padded(ticks: Array) -> list[float]:
    low, high = float(ticks.min()), float(ticks.max())
    if low == high:
        return [low - 0.5, high + 0.5]
    return [low, high]


def _label(text: object) -> str:
    return plain(_short(text))


def _short(text: object) -> str:
    written = visible(text)
    short = f"{written[: _LONGEST_LABEL - 1]}…"
    return written if len(written) <= _LONGEST_LABEL else short

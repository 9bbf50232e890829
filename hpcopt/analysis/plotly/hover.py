"""What is shown of an arm when the pointer is at it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from hpcopt.analysis.experiment import Arm, ExperimentView
from hpcopt.analysis.plotly.style import Z_95, plain

#: So many parameters are shown.
_MOST_PARAMETERS = 10

#: With such a template the text is all that is shown.
TEXT_ONLY = "%{text}<extra></extra>"


def arm_texts(
    df: pd.DataFrame,
    experiment: ExperimentView,
    metric_names: Sequence[str],
    additional_arms: Sequence[Arm] = (),
    *,
    is_relative: bool = False,
) -> list[str]:
    """Return a text for each row of a table of arms.

    Args:
        df: As ``arm_table`` gives it.
        experiment: Of which the arms are.
        metric_names: The metrics that are shown.
        additional_arms: Those of the arms that are in no trial.
        is_relative: Whether the values are relative to the baseline.
    """
    arms = {arm.name: arm for arm in additional_arms} | dict(experiment.arms_by_name)
    has_constraints = bool(experiment.core.goals.constraints)
    return [
        "<br>".join(
            [
                _head(row),
                *(_value(row, name, is_relative=is_relative) for name in metric_names),
                *([_feasible(row)] if has_constraints else []),
                *parameter_lines(arms[row["arm_name"]]),
            ]
        )
        for row in df.to_dict("records")
    ]


def parameter_lines(arm: Arm) -> list[str]:
    """Return a line for each parameter of an arm, the first of them if it has many."""
    items = list(arm.parameters.items())
    lines = [
        f"{plain(name)}: {_shown(value)}" for name, value in items[:_MOST_PARAMETERS]
    ]
    n_more = len(items) - _MOST_PARAMETERS
    return [*lines, f"and {n_more} more"] if n_more > 0 else lines


def _head(row: dict[str, object]) -> str:
    name, status = plain(row["arm_name"]), str(row["trial_status"])
    node = row["generation_node"]
    by = f", by {plain(node)}" if isinstance(node, str) else ""
    trial = f"trial {row['trial_index']}, " if row["trial_index"] != -1 else ""
    text = status.lower().replace("_", " ")
    return f"<b>{name}</b> ({trial}{text}{by})"


def _value(row: dict[str, object], name: str, *, is_relative: bool) -> str:
    mean, sem = float(str(row[f"{name}_mean"])), float(str(row[f"{name}_sem"]))
    form = "+.2%" if is_relative else ".6g"
    if math.isnan(mean):
        return f"{plain(name)}: not known"
    around = "" if math.isnan(sem) else f" ± {Z_95 * sem:{form.strip('+')}}"
    return f"{plain(name)}: {mean:{form}}{around}"


def _feasible(row: dict[str, object]) -> str:
    probability = float(str(row["p_feasible_mean"]))
    if math.isnan(probability):
        return "feasible: not known"
    return f"feasible: {probability:.0%}"


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else plain(value)

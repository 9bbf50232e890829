"""Is the best of each objective better than the baseline?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.utility import reading_label, reading_scale
from hpcopt.core.errors import UsageError
from hpcopt.core.goals.objective import Objective
from hpcopt.core.trials.trial import Trial


class BaselineImprovementAnalysis(Analysis):
    """Compares the best of each objective with the baseline, or the first trial."""

    def __init__(
        self,
        comparison_arm_names: Sequence[str] | None = None,
        baseline_arm_name: str | None = None,
        documentation_link: str | None = None,
        no_improvement_message: str | None = None,
    ) -> None:
        """Choose what is compared.

        Args:
            comparison_arm_names: Only these arms are compared with the baseline; by
                default all that are feasible.
            baseline_arm_name: The baseline; by default the experiment's, or else the
                first trial with a value of each objective.
            documentation_link: Where to read more; told at the end.
            no_improvement_message: What to say where nothing has got better.
        """
        self.comparison_arm_names = comparison_arm_names
        self.baseline_arm_name = baseline_arm_name
        self.documentation_link = documentation_link
        self.no_improvement_message = no_improvement_message

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        why = why_without_data(experiment)
        if experiment is None or why is not None:
            return why
        baseline = self._baseline(experiment)
        if baseline is None:
            return "There is no trial yet that others can be compared with."
        if not self._compared(experiment, baseline):
            return f"There is no feasible trial besides {baseline.arm_name} yet."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        baseline = self._baseline(view)
        assert baseline is not None
        compared = self._compared(view, baseline)
        objectives = view.core.goals.objectives
        rows = [_row(objective, baseline, compared) for objective in objectives]
        improved = [row["Metric"] for row in rows if row["Status"] == "Improved"]
        is_any = bool(improved)
        return create_healthcheck_analysis_card(
            type(self).__name__,
            "Baseline Improvement",
            self._subtitle(view, baseline, improved, [row["Details"] for row in rows]),
            pd.DataFrame(rows),
            HealthcheckStatus.INFO if is_any else HealthcheckStatus.WARNING,
            num_objectives_improved=len(improved),
            num_objectives_total=len(rows),
            baseline_arm_name=baseline.arm_name,
        )

    def _baseline(self, view: ExperimentView) -> Trial | None:
        """Return what others are compared with; ``None`` if there is nothing yet.

        Raises:
            UsageError: There is no arm of the chosen name.
        """
        trials = view.core.trials
        if (name := self.baseline_arm_name) is not None:
            named = [trial for trial in trials if trial.arm_name == name]
            if not named:
                raise UsageError(f"baseline_arm_name: expected an arm, found {name!r}")
            trials = tuple(named)
        elif view.core.baseline is not None:
            trials = (view.core.baseline,)
        return next((trial for trial in trials if _has_objectives(view, trial)), None)

    def _compared(self, view: ExperimentView, baseline: Trial) -> list[Trial]:
        if (names := self.comparison_arm_names) is not None:
            chosen = [t for t in view.core.trials if t.arm_name in names]
            return [trial for trial in chosen if _has_objectives(view, trial)]
        trials = view.core.trials_of_interest()
        return [trial for trial in trials if trial.index != baseline.index]

    def _subtitle(
        self,
        view: ExperimentView,
        baseline: Trial,
        improved: Sequence[str],
        details: Sequence[str],
    ) -> str:
        n, total = len(improved), len(details)
        is_given = self.baseline_arm_name is not None or view.core.baseline is not None
        what = (
            "the baseline" if is_given else "the first trial, as there is no baseline"
        )
        shows = f"The best of each objective beside {baseline.arm_name}, {what}."
        if n == 0:
            advice = self.no_improvement_message or (
                "Nothing has got better: run more trials, or check the direction of "
                "each objective."
            )
            shows = f"{shows} {' '.join(details)} {advice}"
        elif n < total:
            shows = f"{shows} {n} of {total} objectives improved: {' '.join(details)}"
        else:
            shows = f"{shows} {' '.join(details)}"
        link = self.documentation_link
        return f"{shows} More: {link}" if link else shows


def _has_objectives(view: ExperimentView, trial: Trial) -> bool:
    return all(
        objective.is_known(trial.outcome)
        and np.isfinite(objective.value(trial.outcome))
        for objective in view.core.goals.objectives
    )


def _row(
    objective: Objective, baseline: Trial, compared: Sequence[Trial]
) -> dict[str, str]:
    best = max(compared, key=lambda trial: objective.value(trial.outcome))
    scale, label = reading_scale(objective), reading_label(objective)
    before = objective.value(baseline.outcome) * scale
    after = objective.value(best.outcome) * scale
    is_better = objective.value(best.outcome) > objective.value(baseline.outcome)
    change = f" ({(after - before) / abs(before):+.1%})" if before else ""
    if is_better:
        details = (
            f"{label} went from {before:.4g} to {after:.4g}{change}, by arm "
            f"{best.arm_name}."
        )
    else:
        details = f"{label} is {after:.4g} at best, and {before:.4g} was there before."
    return {
        "Metric": label,
        "Status": "Improved" if is_better else "Not Improved",
        "Details": details,
    }

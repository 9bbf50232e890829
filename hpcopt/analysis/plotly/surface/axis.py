"""A parameter as the axis of a figure: at which values the model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from hpcopt.analysis.experiment import ExperimentView, TrialView
from hpcopt.analysis.parameter_inputs import has_order
from hpcopt.analysis.plotly.style import plain
from hpcopt.analysis.thinning import thinned
from hpcopt.core.errors import UsageError
from hpcopt.core.names import expected_name
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.core.types import TParameterValue

Array = npt.NDArray[np.float64]

#: Trials whose values are marked: those that have an outcome, or will have one.
_SAMPLED = (TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.EARLY_STOPPED)


@dataclass(frozen=True)
class Axis:
    """One parameter whose values have an order."""

    column: int
    """Which of the space's searched parameters it is."""
    parameter: RangeParameter | ChoiceParameter

    @classmethod
    def of(cls, experiment: ExperimentView, name: str, argument: str) -> Axis:
        """Return the axis of a parameter.

        Args:
            experiment: Whose parameter.
            name: The parameter's name.
            argument: What the user calls it, for messages.

        Raises:
            UsageError: There is no such parameter, or nothing to be seen along it.
        """
        structure = experiment.core.space.structure
        if name not in experiment.search_space.parameters:
            known = experiment.search_space.parameters
            raise UsageError(f"{argument}: {expected_name(name, known)}")
        if name not in structure.columns:
            raise UsageError(
                f"{argument}: expected a parameter that is searched over, found "
                f"{name!r}, which is derived from others"
            )
        if name in {solved.name for solved in structure.solved}:
            raise UsageError(
                f"{argument}: expected a parameter that can be changed by itself, "
                f"found {name!r}, which follows from the others by a constraint"
            )
        column = structure.columns[name]
        parameter = structure.searched[column]
        if parameter.n_values == 1:
            raise UsageError(
                f"{argument}: expected a parameter with several values, found "
                f"{name!r}, which is fixed"
            )
        if not has_order(parameter):
            raise UsageError(
                f"{argument}: expected a parameter whose values have an order, found "
                f"the unordered choice {name!r}; MarginalEffectsPlot shows these"
            )
        return cls(column, parameter)

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @property
    def is_log(self) -> bool:
        """Whether its scale is logarithmic."""
        return isinstance(self.parameter, RangeParameter) and self.parameter.log

    @property
    def is_category(self) -> bool:
        """Whether its values have no distances, only an order."""
        return isinstance(self.parameter, ChoiceParameter)

    def codes(self, n: int) -> Array:
        """Return the codes of ``n`` values from end to end, or of all there are."""
        parameter = self.parameter
        if isinstance(parameter, ChoiceParameter):
            return parameter.all_codes()
        if parameter.n_values is not None and parameter.n_values <= n:
            return parameter.all_codes()
        spaced = np.geomspace if parameter.log else np.linspace
        return np.unique(parameter.nearest(spaced(parameter.lower, parameter.upper, n)))

    def code_of(self, trial: TrialView) -> float | None:
        """Return the code of a trial's value.

        ``None`` where it is inactive or is not of the present search space.
        """
        value = trial.arm.parameters.get(self.name)
        if value is None:
            return None
        code = self.parameter.codes([value])
        return float(code[0]) if self.parameter.allows(code)[0] else None

    def values(self, codes: Array) -> list[TParameterValue]:
        """Return the values of codes."""
        return self.parameter.values_of(codes)

    def shown(self, values: Sequence[TParameterValue]) -> list[str] | Array:
        """Return values as plotly takes them: categories as texts."""
        if self.is_category:
            return [plain(value) for value in values]
        return np.array(values, dtype=np.float64)

    def layout(self) -> dict[str, Any]:
        """Return what plotly needs to know of the axis."""
        if self.is_category:
            levels = self.shown(self.values(self.codes(0)))
            return {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": levels,
            }
        parameter = self.parameter
        assert isinstance(parameter, RangeParameter)
        ends = np.array([parameter.lower, parameter.upper])
        if parameter.log:
            return {
                "type": "log",
                "range": np.log10(ends).tolist(),
                # Powers of ten alone, where there are several.
                "dtick": 1 if ends[1] >= 30 * ends[0] else "D2",
                "exponentformat": "e",
            }
        return {"range": ends.tolist()}


def sampled_trials(experiment: ExperimentView) -> list[TrialView]:
    """Return the trials whose values are marked, by index: of very many, some."""
    trials = [t for t in experiment.trials.values() if t.status in _SAMPLED]
    return thinned(experiment, trials)


def apply_axes(fig: go.Figure, x: Axis, y: Axis | None = None) -> go.Figure:
    """Let a figure's axes be those of parameters."""
    fig.update_xaxes(**x.layout())
    return fig if y is None else fig.update_yaxes(**y.layout())

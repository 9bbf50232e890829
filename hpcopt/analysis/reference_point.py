"""What parameters are held at while others are varied."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.core.errors import GenerationError
from hpcopt.core.space.search_space import SearchSpace

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReferencePoint:
    """A point of the unit cube, and a name for it."""

    space: SearchSpace
    x: Array
    """Shape ``(d,)``."""
    description: str
    """What it is, such as ``the best trial, 7_0``."""

    @classmethod
    def of(cls, experiment: ExperimentView) -> ReferencePoint:
        """Return the baseline, else the best trial, else the centre of the space.

        The best trial is the one of largest expected objective among those that are
        known to be feasible; several objectives have none.
        """
        core, models = experiment.core, models_of(experiment)
        space, baseline = models.space, core.baseline
        if baseline is not None:
            [x] = space.encode([baseline.parameters])
            return cls(space, x, f"the baseline, {baseline.arm_name}")
        trials = core.best_trials() if core.goals.is_single else []
        if trials:
            X = models.encode([trial.parameters for trial in trials])
            try:
                best = int(models.objective(X)[0].argmax())
            except GenerationError:
                best = 0
            return cls(space, X[best], f"the best trial, {trials[best].arm_name}")
        [x] = space.snap(np.full((1, space.d), 0.5))
        return cls(space, x, "the centre of the search space")

    def code(self, column: int) -> float:
        """Return the code of one searched parameter's value there."""
        parameter = self.space.searched[column]
        [code] = parameter.codes_at(self.x[None, self.space.slices[column]])
        return float(code)

    def points(self, varied: Mapping[int, Array]) -> Array:
        """Return it with other values of some parameters, shape ``(b, d)``.

        Where a varied parameter is inactive, those that it depends on are held at
        values that make it active, unless they are varied themselves.

        Args:
            varied: Codes of searched parameters, by their column, shape ``(b,)``.
        """
        [n] = {len(codes) for codes in varied.values()}
        held = {
            column: np.full(n, code)
            for column, code in self.activating(varied.keys()).items()
        }
        X = np.repeat(self.x[None], n, axis=0)
        for column, codes in {**held, **varied}.items():
            X[:, self.space.slices[column]] = self.space.searched[column].coordinates(
                codes
            )
        return self.space.snap(X)

    def activating(self, columns: Set[int]) -> dict[int, float]:
        """Return the codes of what has to change for some parameters to be active.

        By column; without those ``columns`` themselves.
        """
        position = self.space.structure.columns
        changed: dict[int, float] = {}
        waiting = [self.space.searched[column].name for column in columns]
        while waiting:
            name = waiting.pop()
            for condition in self.space.conditions:
                parent = position[condition.parent]
                if condition.parameter != name or parent in {*columns, *changed}:
                    continue
                codes = self.space.searched[parent].codes(list(condition.values))
                if self.code(parent) not in codes:
                    changed[parent] = float(codes[0])
                waiting.append(condition.parent)
        return changed

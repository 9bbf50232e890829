"""The methods of a client that only look: best trials, predictions and the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from hpcopt.api.ask_tell import AskTell
from hpcopt.api.best import best_parameterization, pareto_frontier, predictions
from hpcopt.api.generation_options import modules_folder
from hpcopt.api.held import find_held
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.space.change import continued
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.core.types import TOutcome, TParameterization
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.generation import fitted

if TYPE_CHECKING:
    import pandas as pd

    from hpcopt.generation.models.fitted_model import FittedModel


class Inspection(AskTell):
    """The part of a ``Client`` that looks at what is known.

    It is read from the experiment's folder, whoever wrote it, also while somebody
    else does.
    """

    def get_best_parameterization(
        self, use_model_predictions: bool = True
    ) -> tuple[TParameterization, TOutcome, int, str]:
        """Return the best of the completed trials.

        Args:
            use_model_predictions: Whether the best is the one of which the model
                expects most, rather than the one observed to be best. It is that of the
                next suggestion. Needs two completed trials; with fewer, observations
                decide.

        Only trials that were observed to satisfy the outcome constraints count.

        Returns:
            Its parameters; its outcome; its trial's index; and its name, such as
            ``"7_0"``. The outcome is what the model expects of each metric, mean and
            standard error, each without the noise of a single observation; or what was
            observed, if that decided.

        Raises:
            UsageError: The experiment is not configured, has no completed trial or none
                that is feasible, or has several objectives.
            ConfigError: The folder holds another experiment.
            GenerationError: No model could be fitted.
            StorageError: The journal cannot be read.
        """
        return best_parameterization(
            self._read("get_best_parameterization"),
            use_model=use_model_predictions,
            modules=self._modules,
        )

    def get_pareto_frontier(
        self, use_model_predictions: bool = True
    ) -> list[tuple[TParameterization, TOutcome, int, str]]:
        """Return the best trade-offs between several objectives.

        They are the completed trials that satisfy the constraints and reach the
        thresholds, and that no other such trial is better than in every objective.

        Args:
            use_model_predictions: Whether that is said of what the model expects of
                them, rather than of what was observed.

        Returns:
            For each what ``get_best_parameterization`` returns, by trial.

        Raises:
            UsageError: The experiment is not configured, has no completed trial, or
                has one objective only.
            ConfigError: The folder holds another experiment.
            GenerationError: No model could be fitted.
            StorageError: The journal cannot be read.
        """
        return pareto_frontier(
            self._read("get_pareto_frontier"),
            use_model=use_model_predictions,
            modules=self._modules,
        )

    def predict(
        self, points: Sequence[TParameterization]
    ) -> list[dict[str, tuple[float, float]]]:
        """Return the model's predictions at each of ``points``.

        Returns:
            For each point, each metric's predictive mean and standard error, without
            the noise of an observation.

        Raises:
            UsageError: The experiment is not configured or not begun, or a point is
                not in the search space.
            ConfigError: The folder holds another experiment.
            GenerationError: There are too few completed trials to learn from.
            StorageError: The journal cannot be read.
        """
        return predictions(self._read("predict"), points, self._modules)

    def botorch_model(self) -> FittedModel:
        """Return the models of all outcomes as BoTorch has them: hpcopt's own addition.

        They are fitted to the completed trials as for the next suggestion, and come
        with their training data and the map between parameters and the unit cube. Where
        a model was configured by its name, it is that one.

        Raises:
            UsageError: The experiment is not configured or not begun.
            ConfigError: The folder holds another experiment.
            GenerationError: There are too few completed trials to learn from.
            StorageError: The journal cannot be read.
        """
        return fitted(self._read("botorch_model"), self._modules)

    def summarize(
        self,
        trial_indices: Iterable[int] | None = None,
        trial_statuses: Sequence[
            Literal[
                "candidate",
                "running",
                "failed",
                "completed",
                "abandoned",
                "early_stopped",
                "staged",
            ]
        ]
        | None = None,
    ) -> pd.DataFrame:
        """Return a table with one row a trial.

        Its columns are ``trial_index``, ``arm_name``, ``trial_status``,
        ``status_reason``, ``generation_node`` (how the parameters were proposed), the
        mean of each metric, and each parameter; without those that are empty.

        Args:
            trial_indices: Only these trials, in this order.
            trial_statuses: Only trials with one of these statuses.

        Before the first trial it is empty.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: The experiment is not configured, or there is no such status.
            ConfigError: The folder holds another experiment.
            StorageError: The journal cannot be read.
        """
        from hpcopt.analysis.trial_table import empty_table, trial_table

        statuses = None if trial_statuses is None else [*map(_status, trial_statuses)]
        if self._folder is not None and not self._is_begun():
            return empty_table(trial_indices)
        experiment = self._read("summarize")
        return trial_table(experiment, trial_indices, statuses)

    @property
    def _modules(self) -> str:
        """Where modules are looked for first that a model of the user's is in."""
        return self._generation.spec.folder or modules_folder()

    def _is_begun(self) -> bool:
        """Whether there is an experiment in the configured folder."""
        folder = self._folder
        return folder is not None and (
            find_held(folder) is not None or is_begun(folder)
        )

    def _read(self, method: str) -> Experiment:
        """Return the experiment as it stands on disk, with the configured goals.

        Raises:
            UsageError: It is not configured, or not begun.
            ConfigError: It is not the one that is configured.
        """
        if self._folder is None:
            raise UsageError(
                f"{method}: expected configure_experiment to be called before"
            )
        if not self._is_begun():
            raise UsageError(
                f"{method}: expected trials in {self._folder}, found none; call "
                "run_trials or get_next_trials before"
            )
        held = find_held(self._folder)
        experiment = held.experiment if held else read_experiment(self._folder)
        if self._problem is not None:
            if self._problem.name != experiment.name:
                raise ConfigError(
                    f"{self._folder}: expected the configured name "
                    f"{self._problem.name!r}, found an experiment begun as "
                    f"{experiment.name!r}"
                )
            continued(experiment.space, self._problem.space)
        if self._goals is None or self._goals == experiment.goals:
            return experiment
        return experiment.with_goals(self._goals)


def _status(name: str) -> TrialStatus:
    names = [status.name.lower() for status in TrialStatus]
    if str(name).lower() not in names:
        raise UsageError(f"trial_statuses: expected some of {names}, found {name!r}")
    return TrialStatus[str(name).upper()]

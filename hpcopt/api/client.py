"""The client: one experiment, configured, run and looked at from a script.

::

    client = Client()
    client.configure_experiment(parameters, name="hartmann6")
    client.configure_optimization(objective="-loss")
    client.configure_runner(runner)
    client.configure_metrics([metric])
    client.run_trials(max_trials=30, parallelism=3)
    parameters, outcome, trial_index, arm_name = client.get_best_parameterization()

or, without a runner and metrics, evaluating the trials itself::

    for trial_index, parameters in client.get_next_trials(max_trials=3).items():
        client.complete_trial(trial_index, raw_data={"loss": loss(**parameters)})

A script that was killed is started again and goes on where it was. What ``ax.api`` has
and hpcopt has not is refused with a ``ConfigError``, never ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from hpcopt.api.ask_tell import AskTell
from hpcopt.api.best import best_parameterization, pareto_frontier, predictions
from hpcopt.api.configuration import missing
from hpcopt.api.opened import find_opened
from hpcopt.api.problem import Problem
from hpcopt.api.running import run_trials
from hpcopt.api.saved import load, save
from hpcopt.api.specs import run_spec
from hpcopt.api.summary import summary
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.space.change import continued
from hpcopt.core.types import TOutcome, TParameterization
from hpcopt.driver.limits import Limits
from hpcopt.experiment.folder import JOURNAL, read_experiment
from hpcopt.experiment.spec import file_latency

if TYPE_CHECKING:
    import pandas as pd


class Client(AskTell):
    """One experiment.

    Nothing is written before trials are asked for, attached or run. What is only looked
    at is read from the experiment's folder, whoever wrote it: also at the beginning of
    a script that was started again, and while another one runs.

    Args:
        storage_config: Not supported yet: an experiment is kept in its folder.
        random_seed: The seed of all that is random in generation; 0 by default, so
            that a script proposes the same each time.
        folder: Where the experiment is kept; by default ``experiments/<name>`` in the
            current directory, or a new folder there if it has no name.

    Raises:
        ConfigError: An argument is not supported.
    """

    def run_trials(
        self,
        max_trials: int,
        parallelism: int = 1,
        tolerated_trial_failure_rate: float = 0.5,
        initial_seconds_between_polls: float = 1,
        *,
        max_queued_jobs: int | None = None,
    ) -> None:
        """Run trials until the experiment has ``max_trials``, and return.

        Begins the experiment, or continues it: trials of an earlier run, perhaps of a
        script that was killed, count and are not run again. Ctrl-C stops in an orderly
        way and leaves running trials running. So does ``hpcopt stop``, or a file
        ``stop`` in the experiment's folder: this method logs a warning and returns, so
        that the script goes on with what is there.

        Args:
            max_trials: How many trials there shall be in all, over all runs; in Ax it
                is how many more.
            parallelism: How many trials may run at once.
            tolerated_trial_failure_rate: The run ends with an error when a larger
                share of the ended trials has failed.
            initial_seconds_between_polls: The wait after a change; it grows while
                nothing happens.
            max_queued_jobs: How many trials may wait in the cluster's queue.

        Raises:
            UsageError: Something is not configured.
            ConfigError: An argument makes no sense, no metric has a name that the
                objective needs, or the folder holds an experiment with another
                definition.
            FailureRateExceededError: Too many trials failed.
            GenerationError: No parameterization could be proposed.
            RunnerError: The runner will never accept a trial.
            StorageError: The journal cannot be written or read, or another driver
                runs the experiment.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        experiment = self._spec("run_trials")
        if self._runner is None:
            raise missing("run_trials", "configure_runner")
        limits = Limits(
            max_trials=max_trials,
            parallelism=parallelism,
            max_queued_jobs=max_queued_jobs,
            tolerated_trial_failure_rate=tolerated_trial_failure_rate,
            initial_seconds_between_polls=initial_seconds_between_polls,
            result_grace_s=file_latency(self._runner).grace_s,
        )
        metrics = tuple(self._metrics.values())
        spec = run_spec(experiment, self._runner, metrics, limits)
        if (opened := find_opened(experiment.folder)) is not None:
            opened.close()  # the driver writes from here on
        run_trials(spec)

    def get_best_parameterization(
        self, use_model_predictions: bool = True
    ) -> tuple[TParameterization, TOutcome, int, str]:
        """Return the best of the completed trials.

        Args:
            use_model_predictions: Whether the best is the one of which the model
                expects most, rather than the one observed to be best. Needs two
                completed trials; with fewer, observations decide.

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
            self._experiment("get_best_parameterization"),
            use_model=use_model_predictions,
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
            self._experiment("get_pareto_frontier"), use_model=use_model_predictions
        )

    def predict(
        self, points: Sequence[TParameterization]
    ) -> list[dict[str, tuple[float, float]]]:
        """Return what the model expects at each of ``points``.

        Returns:
            For each point, each metric's mean and standard error, those of the value
            without noise.

        Raises:
            UsageError: The experiment is not configured or not begun, or a point is
                not in the search space.
            ConfigError: The folder holds another experiment.
            GenerationError: There are too few completed trials to learn from.
            StorageError: The journal cannot be read.
        """
        return predictions(self._experiment("predict"), points)

    def save_to_json_file(self, filepath: str = "ax_client_snapshot.json") -> None:
        """Write where the experiment is kept: its folder holds all that is known.

        Nothing is lost without this; it is there for scripts that were written for Ax.

        Raises:
            UsageError: The experiment is not configured or not begun.
            ConfigError: The folder holds another experiment.
            StorageError: The file cannot be written, or the journal not be read.
        """
        self._experiment("save_to_json_file")
        if self._folder is not None:
            save(Path(filepath), self._folder)

    @classmethod
    def load_from_json_file(
        cls, filepath: str = "ax_client_snapshot.json", storage_config: None = None
    ) -> Self:
        """Return a client that goes on with a saved one's experiment, as it is now.

        Raises:
            UsageError: There is no saved client, or its experiment is not there.
            StorageError: The journal cannot be read.
        """
        folder = load(Path(filepath))
        client = cls(storage_config, folder=folder)
        experiment = read_experiment(folder)
        client._random_seed = experiment.seed
        client._problem = Problem(experiment.name, folder, experiment.space, {})
        client._goals = experiment.goals
        return client

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
        ``failure_reason``, ``generation_node`` (how the parameters were proposed), the
        mean of each metric, and each parameter; without those that are empty.

        Args:
            trial_indices: Only these trials.
            trial_statuses: Only trials with one of these statuses.

        Raises:
            UsageError: The experiment is not configured or not begun, or there is no
                such trial or status.
            ConfigError: The folder holds another experiment.
            StorageError: The journal cannot be read.
        """
        return summary(self._experiment("summarize"), trial_indices, trial_statuses)

    def _experiment(self, method: str) -> Experiment:
        """Return the experiment as it stands on disk.

        Raises:
            UsageError: It is not configured, or not begun.
            ConfigError: It is not the one that is configured.
        """
        if self._folder is None:
            raise UsageError(
                f"{method}: expected configure_experiment to be called before"
            )
        opened = find_opened(self._folder)
        if opened is None and not (self._folder / JOURNAL).exists():
            raise UsageError(
                f"{method}: expected trials in {self._folder}, found none; call "
                "run_trials or get_next_trials before"
            )
        experiment = opened.experiment if opened else read_experiment(self._folder)
        self._check_same(experiment)
        return experiment

    def _check_same(self, experiment: Experiment) -> None:
        """Check that ``experiment`` is the one that is configured, as far as it is."""
        pairs: list[tuple[str, object, object]] = []
        if self._problem is not None:
            pairs += [("name", self._problem.name, experiment.name)]
            continued(experiment.space, self._problem.space)
        if self._goals is not None:
            pairs += [
                ("objective", self._goals.expression, experiment.goals.expression),
                (
                    "outcome_constraints",
                    list(self._goals.constraint_expressions),
                    list(experiment.goals.constraint_expressions),
                ),
            ]
        for part, configured, begun in pairs:
            if configured != begun:
                raise ConfigError(
                    f"{self._folder}: expected the configured {part} {configured!r}, "
                    f"found an experiment begun with {begun!r}"
                )

"""The ``configure_*`` methods of a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpcopt.api.configs import AnyParameterConfig, StorageConfig
from hpcopt.api.generation_options import (
    GenerationOptions,
    generation_options,
    refuse_unsupported,
)
from hpcopt.api.problem import Problem, make_problem
from hpcopt.api.runners import JobRunnerConfig
from hpcopt.api.specs import experiment_spec
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.goals.goals import Goals, parse_goals
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.experiment.spec import AnyRunner, ExperimentSpec
from hpcopt.metrics.protocol import IMetric
from hpcopt.runners.protocol import AttemptRunner, IRunner


class Configuration:
    """The part of a ``Client`` that is configured; it writes nothing."""

    def __init__(
        self,
        storage_config: StorageConfig | None = None,
        random_seed: int | None = None,
        *,
        folder: str | Path | None = None,
    ) -> None:
        if storage_config is not None:
            raise ConfigError(
                "storage_config: databases are not supported yet; every experiment is "
                "kept in its folder"
            )
        self._random_seed = random_seed
        self._folder = None if folder is None else Path(folder).expanduser().absolute()
        self._problem: Problem | None = None
        self._goals: Goals | None = None
        self._runner: AnyRunner | None = None
        self._metrics: dict[str, IMetric] = {}
        self._generation = GenerationOptions()

    def configure_experiment(
        self,
        parameters: Sequence[AnyParameterConfig],
        parameter_constraints: Sequence[str] | None = None,
        name: str | None = None,
        description: str | None = None,
        experiment_type: str | None = None,
        owner: str | None = None,
    ) -> None:
        """Say what is searched.

        Args:
            parameters: The search space.
            parameter_constraints: What parameters must satisfy, in their own units:
                ``"x1 + x2 <= 1.5"``, ``"a + b == 1"``, ``"x1**2 + x2**2 <= 1"``.
            name: Under which name the experiment is continued; without one, and
                without a folder, every client begins an experiment of its own.
            description: For people.
            experiment_type: For people.
            owner: For people.

        Raises:
            UsageError: The experiment is configured already.
            ConfigError: The parameters and constraints make no search space.
        """
        if self._problem is not None:
            raise UsageError(
                f"configure_experiment: experiment {self._problem.name!r} is "
                "configured already; another experiment needs another Client"
            )
        about = {
            "description": description,
            "experiment_type": experiment_type,
            "owner": owner,
        }
        self._problem = make_problem(
            parameters, parameter_constraints or (), name, self._folder, about
        )
        self._folder = self._problem.folder

    def configure_optimization(
        self,
        objective: str,
        outcome_constraints: Sequence[str] | None = None,
        pruning_target_parameterization: TParameterization | None = None,
    ) -> None:
        """Say what is optimised.

        Args:
            objective: A metric or a weighted sum of metrics, to be maximised:
                ``"accuracy"``, ``"-loss"``, ``"accuracy - 0.1*cost"``; less distances
                from targets, ``"-abs(ph - 7) - 2*(a - b - 1)**2"``, which Ax does not
                know; or several of them, separated by commas: ``"accuracy, -cost"``.
                Names are Ax's: ``val-loss``, ``m/1`` and ``last 5 mean test loss`` are
                metrics, ``val - loss`` is a difference.
            outcome_constraints: What a feasible outcome satisfies, as linear
                inequalities of other metrics: ``"temperature <= 1200"``,
                ``"0.5*a + 0.5*b >= 0.95"``, ``"qps >= 0.95 * baseline"``. One of a
                metric that is one of several objectives is the least, or largest,
                value of interest of that objective.
            pruning_target_parameterization: Not supported yet.

        Raises:
            ConfigError: Something is malformed, or not supported.
        """
        if pruning_target_parameterization is not None:
            raise ConfigError(
                "pruning_target_parameterization: not supported yet; expected none"
            )
        self._goals = parse_goals(objective, outcome_constraints or ())

    def configure_runner(self, runner: AnyRunner) -> None:
        """Say what starts trials.

        Args:
            runner: A runner of your own, or one from ``hpcopt.api.runners``. Your own
                starts one trial a second, as in Ax, unless its attribute
                ``min_seconds_between_launches`` says otherwise.

        Raises:
            ConfigError: It is not a runner.
        """
        if not isinstance(runner, (IRunner, AttemptRunner, JobRunnerConfig)):
            raise ConfigError(f"runner: expected an IRunner, found {runner!r}")
        self._runner = runner

    def configure_metrics(self, metrics: Sequence[IMetric]) -> None:
        """Say what reads results; a metric replaces an earlier one of its name.

        Metrics that the objective does not name are read and kept with the others.

        Raises:
            ConfigError: One is not a metric.
        """
        for metric in metrics:
            if not isinstance(metric, IMetric):
                raise ConfigError(f"metrics: expected IMetrics, found {metric!r}")
        self._metrics |= {metric.name: metric for metric in metrics}

    def configure_tracking_metrics(self, metric_names: Sequence[str]) -> None:
        """Name metrics that are kept without a goal; others that are attached are too.

        Raises:
            ConfigError: A name is none.
        """
        if not all(metric_names):
            raise ConfigError(
                f"metric_names: expected names of metrics, found {list(metric_names)}"
            )

    def configure_generation_strategy(
        self,
        method: str = "fast",
        initialization_budget: int | None = None,
        initialization_random_seed: int | None = None,
        initialize_with_center: bool = True,
        use_existing_trials_for_initialization: bool = True,
        min_observed_initialization_trials: int | None = None,
        allow_exceeding_initialization_budget: bool = False,
        torch_device: str | None = None,
        simplify_parameter_changes: bool = False,
        *,
        model: str | Callable[..., Any] = "auto",
        model_options: Mapping[str, JSONValue] | None = None,
        acquisition: str | Callable[..., Any] = "auto",
        acquisition_options: Mapping[str, JSONValue] | None = None,
        steps: Sequence[Mapping[str, Any]] = (),
        threads: int = 1,
    ) -> None:
        """Say how parameterizations are proposed; without this, by ``"fast"``.

        ``model`` and what follows are hpcopt's additions to Ax; they are named and
        explained as the keys of a config's section ``generation``.

        Args:
            method: ``"fast"`` is Bayesian optimisation, ``"random_search"`` is not;
                ``"quality"`` is not supported yet. Also hpcopt's own names, as in
                a config: ``"auto"``, ``"bo"``, ``"sobol"``.
            initialization_budget: How many trials come before the model; by default
                as many as suit the search space.
            initialization_random_seed: The seed, where ``random_seed`` gives none.
            initialize_with_center: Only ``True`` is supported yet.
            use_existing_trials_for_initialization: Only ``True`` is supported yet.
            min_observed_initialization_trials: Not supported yet.
            allow_exceeding_initialization_budget: Only ``False`` is supported yet.
            torch_device: Where models and acquisitions that are named are computed:
                ``"cpu"``, ``"cuda"``, ``"cuda:1"``; by default on a GPU where there is
                one and it pays.
            simplify_parameter_changes: Only ``False`` is supported yet.
            model: What is fitted to the outcomes: its name, or a function of your own
                that another process can import.
            model_options: The model's options.
            acquisition: What is maximised to find the next trial, likewise.
            acquisition_options: The acquisition's options.
            steps: Several, one after the other, in place of one for all trials:
                ``[{"method": "sobol", "until": {"trials": 20}}, {"model": "saas"}]``.
            threads: How many threads the models and the search take, predictions too.
                Your own code has as many as before.

        Raises:
            ConfigError: Something is not supported, or makes no sense.
        """
        refuse_unsupported(
            initialize_with_center=(initialize_with_center, True),
            use_existing_trials_for_initialization=(
                use_existing_trials_for_initialization,
                True,
            ),
            min_observed_initialization_trials=(
                min_observed_initialization_trials,
                None,
            ),
            allow_exceeding_initialization_budget=(
                allow_exceeding_initialization_budget,
                False,
            ),
            simplify_parameter_changes=(simplify_parameter_changes, False),
        )
        self._generation = generation_options(
            method,
            initialization_budget,
            initialization_random_seed,
            {
                "model": model,
                "model_options": model_options or {},
                "acquisition": acquisition,
                "acquisition_options": acquisition_options or {},
            },
            steps,
            torch_device,
            threads,
        )

    def configure_generator(
        self,
        generator: str | type,
        *,
        options: Mapping[str, JSONValue] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Use a generator of your own; hpcopt's addition to Ax.

        Args:
            generator: A class that another process can import, or its
                ``module:Class``: a ``hpcopt.api.protocols.generator.IGenerator``, or
                one of gest-api's kind, with ``suggest`` and ``ingest``.
            options: The class's keyword arguments.
            timeout_s: How long it may take for a suggestion.

        Raises:
            ConfigError: It cannot be found again by its name, or something makes no
                sense.
        """
        self._generation = self._generation.with_own(generator, options, timeout_s)

    def _spec(self, method: str) -> ExperimentSpec:
        """Return what ``method`` needs to ask for trials.

        Raises:
            UsageError: A part is missing.
            ConfigError: The parts do not fit together.
        """
        if self._problem is None:
            raise missing(method, "configure_experiment")
        if self._goals is None:
            raise missing(method, "configure_optimization")
        return experiment_spec(
            self._problem, self._goals, self._generation, self._random_seed
        )


def missing(method: str, before: str) -> UsageError:
    """Return the error of a method that was called too early."""
    return UsageError(f"{method}: expected {before} to be called before")

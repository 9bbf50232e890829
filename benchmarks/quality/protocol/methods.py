"""The packages that are measured, each behind ``ask`` and ``tell``.

Each is used as its documentation says, with its defaults unless its name says more.
Values are minimised and slacks must not be negative. ``is_able`` says
which of them know of constraints, whole numbers and words.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import numpy as np

from benchmarks.quality.protocol.model_methods import (
    BotorchMethod,
    HeboMethod,
    SmacMethod,
)
from benchmarks.quality.protocol.problems import (
    Category,
    Integer,
    Parameter,
    Problem,
    Value,
)


class AskTell(Protocol):
    """What all packages have in common."""

    def ask(self) -> tuple[Hashable | Any, list[Value]] | None:
        """Return a trial and its point; ``None`` to be asked again after a tell."""

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        """Take the outcome of a trial."""


class ClientMethod:
    """Ax, and hpcopt, which has the same API."""

    def __init__(self, package: str, problem: Problem, seed: int) -> None:
        client = importlib.import_module(f"{package}.api.client").Client
        configs = importlib.import_module(f"{package}.api.configs")
        logging.disable(logging.ERROR)
        # Ax begins with a few trials, and has no more before these have data.
        self._too_early: tuple[type[Exception], ...] = ()
        if package == "ax":
            errors = importlib.import_module("ax.exceptions.core")
            self._too_early = (errors.DataRequiredError,)
        self._client = client(random_seed=seed)
        parameters = problem.parameters()
        self._names = [f"x{k}" for k in range(len(parameters))]
        self._client.configure_experiment(
            name=f"{problem.name}_{seed}",
            parameters=[
                self._config(configs, name, each)
                for name, each in zip(self._names, parameters, strict=True)
            ],
        )
        constraints = [f"c{k} >= 0" for k in range(problem.n_constraints)]
        more = {"outcome_constraints": constraints} if constraints else {}
        self._client.configure_optimization(objective="-loss", **more)

    @staticmethod
    def _config(configs: Any, name: str, parameter: Parameter) -> Any:
        if isinstance(parameter, Category):
            return configs.ChoiceParameterConfig(
                name=name,
                parameter_type="str",
                values=list(parameter.words),
                is_ordered=False,
            )
        if isinstance(parameter, Integer):
            return configs.RangeParameterConfig(
                name=name, parameter_type="int", bounds=(0, parameter.n_steps)
            )
        return configs.RangeParameterConfig(
            name=name, parameter_type="float", bounds=(parameter.low, parameter.high)
        )

    def ask(self) -> tuple[int, list[Value]] | None:
        try:
            trials = self._client.get_next_trials(max_trials=1)
        except self._too_early:
            return None
        for index, values in trials.items():
            return index, [values[name] for name in self._names]
        return None

    def attach(self, point: Sequence[Value]) -> int:
        """Take a trial that was chosen elsewhere."""
        parameters = dict(zip(self._names, point, strict=True))
        return int(self._client.attach_trial(parameters=parameters))

    def tell(self, trial: int, value: float, slacks: Sequence[float]) -> None:
        outcome = {"loss": value} | {f"c{k}": s for k, s in enumerate(slacks)}
        self._client.complete_trial(trial_index=trial, raw_data=outcome)


class OptunaMethod:
    """Optuna's samplers."""

    def __init__(self, kind: str, problem: Problem, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        more: dict[str, Any] = {}
        if problem.n_constraints:
            more["constraints_func"] = lambda trial: trial.user_attrs["violations"]
        self._sampler = (
            optuna.samplers.GPSampler(seed=seed, **more)
            if kind == "gp"
            else optuna.samplers.TPESampler(
                seed=seed, multivariate=True, constant_liar=True, **more
            )
        )
        self._study = optuna.create_study(sampler=self._sampler)
        self._parameters = problem.parameters()

    def ask(self) -> tuple[Any, list[Value]]:
        trial = self._study.ask()
        return trial, [
            self._suggest(trial, f"x{k}", each)
            for k, each in enumerate(self._parameters)
        ]

    def attach(self, point: Sequence[Value]) -> Any:
        """Take a trial that was chosen elsewhere."""
        import optuna

        names = [f"x{k}" for k in range(len(point))]
        self._study.enqueue_trial(dict(zip(names, point, strict=True)))
        # The sampler would be asked first, and not heard.
        self._study.sampler = optuna.samplers.RandomSampler()
        trial, _ = self.ask()
        self._study.sampler = self._sampler
        return trial

    @staticmethod
    def _suggest(trial: Any, name: str, parameter: Parameter) -> Value:
        if isinstance(parameter, Category):
            return str(trial.suggest_categorical(name, parameter.words))
        if isinstance(parameter, Integer):
            return int(trial.suggest_int(name, 0, parameter.n_steps))
        return float(trial.suggest_float(name, parameter.low, parameter.high))

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        trial.set_user_attr("violations", [-slack for slack in slacks])
        self._study.tell(trial, value)


class SobolMethod:
    """Scrambled Sobol points."""

    def __init__(self, problem: Problem, seed: int) -> None:
        from scipy.stats import qmc

        self._parameters = problem.parameters()
        rng = np.random.default_rng(seed)
        self._engine = qmc.Sobol(len(self._parameters), seed=rng)

    def ask(self) -> tuple[None, list[Value]]:
        point = self._engine.random(1)[0]
        return None, [
            self._value(each, x)
            for each, x in zip(self._parameters, point, strict=True)
        ]

    @staticmethod
    def _value(parameter: Parameter, x: float) -> Value:
        if isinstance(parameter, Category):
            return parameter.words[int(x * len(parameter.words))]
        if isinstance(parameter, Integer):
            return int(x * (parameter.n_steps + 1))
        return float(parameter.low + x * (parameter.high - parameter.low))

    def tell(self, trial: None, value: float, slacks: Sequence[float]) -> None:
        pass


METHODS: dict[str, Callable[[Problem, int], AskTell]] = {
    "hpcopt": lambda problem, seed: ClientMethod("hpcopt", problem, seed),
    "ax": lambda problem, seed: ClientMethod("ax", problem, seed),
    "optuna-gp": lambda problem, seed: OptunaMethod("gp", problem, seed),
    "optuna-tpe": lambda problem, seed: OptunaMethod("tpe", problem, seed),
    "smac-blackbox": lambda problem, seed: SmacMethod("blackbox", problem, seed),
    "smac-hpo": lambda problem, seed: SmacMethod("hpo", problem, seed),
    "hebo": HeboMethod,
    "botorch": BotorchMethod,
    "sobol": SobolMethod,
}

#: The distribution that a method comes with, by the first word of its name.
PACKAGES = {
    "hpcopt": "hpcopt",
    "ax": "ax-platform",
    "optuna": "optuna",
    "smac": "smac",
    "hebo": "hebo",
    "botorch": "botorch",
    "sobol": "scipy",
}

_CONSTRAINED = ("hpcopt", "ax", "optuna-gp", "optuna-tpe", "botorch", "sobol")


def is_able(method: str, problem: Problem) -> bool:
    """Return whether a method takes what the problem is made of."""
    if problem.n_constraints and method not in _CONSTRAINED:
        return False
    return method != "botorch" or problem.is_continuous


#: How many trials each begins with before its model is asked.
N_INITIAL = {
    "hpcopt": 4,
    "ax": 5,
    "optuna-gp": 10,
    "optuna-tpe": 10,
    "smac-blackbox": 10,
    "smac-hpo": 10,
    "hebo": 10,
    "botorch": 10,
    "sobol": 10,
}

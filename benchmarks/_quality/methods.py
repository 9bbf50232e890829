"""The packages that are measured, each behind ``ask`` and ``tell``.

Each is used as its documentation says, with its defaults unless its name says more.
Values are minimised and slacks must not be negative. ``CONSTRAINED`` are those that
know of constraints.
"""

from __future__ import annotations

import importlib
import logging
import tempfile
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import numpy as np

from _quality.problems import Problem


class AskTell(Protocol):
    """What all packages have in common."""

    def ask(self) -> tuple[Hashable | Any, list[float]] | None:
        """Return a trial and its point; ``None`` to be asked again after a tell."""

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        """Take the outcome of a trial."""


class ClientMethod:
    """Ax, and hpcopt, which has the same API."""

    def __init__(self, package: str, problem: Problem, seed: int) -> None:
        client = importlib.import_module(f"{package}.api.client").Client
        configs = importlib.import_module(f"{package}.api.configs")
        logging.disable(logging.ERROR)
        self._client = client(random_seed=seed)
        bounds = problem.bounds()
        self._names = [f"x{k}" for k in range(len(bounds))]
        self._client.configure_experiment(
            name=f"{problem.name}_{seed}",
            parameters=[
                configs.RangeParameterConfig(
                    name=name, parameter_type="float", bounds=each
                )
                for name, each in zip(self._names, bounds, strict=True)
            ],
        )
        constraints = [f"c{k} >= 0" for k in range(problem.n_constraints)]
        more = {"outcome_constraints": constraints} if constraints else {}
        self._client.configure_optimization(objective="-loss", **more)

    def ask(self) -> tuple[int, list[float]] | None:
        for index, values in self._client.get_next_trials(max_trials=1).items():
            return index, [values[name] for name in self._names]
        return None

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
        self._bounds = problem.bounds()

    def ask(self) -> tuple[Any, list[float]]:
        trial = self._study.ask()
        return trial, [
            trial.suggest_float(f"x{k}", low, high)
            for k, (low, high) in enumerate(self._bounds)
        ]

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        trial.set_user_attr("violations", [-slack for slack in slacks])
        self._study.tell(trial, value)


class SmacMethod:
    """SMAC3's facades: ``blackbox`` (a Gaussian process) and ``hpo`` (a forest)."""

    def __init__(self, kind: str, problem: Problem, seed: int) -> None:
        from ConfigSpace import ConfigurationSpace, Float
        from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario

        logging.disable(logging.ERROR)
        facade = (
            BlackBoxFacade if kind == "blackbox" else HyperparameterOptimizationFacade
        )
        self._names = [f"x{k}" for k in range(len(problem.bounds()))]
        space = ConfigurationSpace(seed=seed)
        space.add(
            [
                Float(name, each)
                for name, each in zip(self._names, problem.bounds(), strict=True)
            ]
        )
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=1000,
            seed=seed,
            output_directory=tempfile.mkdtemp(prefix="smac-"),
        )
        self._smac = facade(
            scenario,
            lambda config, seed=0: 0.0,
            intensifier=facade.get_intensifier(scenario, max_config_calls=1),
            # Its own starts from the number of all trials; that of the others is 10.
            initial_design=facade.get_initial_design(scenario, n_configs=10),
            overwrite=True,
            logging_level=False,
        )

    def ask(self) -> tuple[Any, list[float]]:
        info = self._smac.ask()
        return info, [float(info.config[name]) for name in self._names]

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(trial, TrialValue(cost=value, time=0.1))


class HeboMethod:
    """HEBO; it has no notion of pending points."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        np.random.seed(seed)  # noqa: NPY002 - HEBO draws from the global generator
        torch.manual_seed(seed)
        self._names = [f"x{k}" for k in range(len(problem.bounds()))]
        space = DesignSpace().parse(
            [
                {"name": name, "type": "num", "lb": low, "ub": high}
                for name, (low, high) in zip(self._names, problem.bounds(), strict=True)
            ]
        )
        self._hebo = HEBO(space, scramble_seed=seed)

    def ask(self) -> tuple[Any, list[float]]:
        table = self._hebo.suggest(n_suggestions=1)
        return table, [float(table[name].iloc[0]) for name in self._names]

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        self._hebo.observe(trial, np.array([[value]]))


class BotorchMethod:
    """BoTorch's own defaults: ``SingleTaskGP``, ``qLogNEI``, after 10 Sobol points."""

    N_INITIAL = 10

    def __init__(self, problem: Problem, seed: int) -> None:
        import torch
        from torch.quasirandom import SobolEngine

        torch.manual_seed(seed)
        self._bounds = torch.tensor(problem.bounds(), dtype=torch.double).T
        engine = SobolEngine(self._bounds.shape[1], scramble=True, seed=seed)
        self._initial = list(engine.draw(self.N_INITIAL, dtype=torch.double))
        self._X: dict[int, Any] = {}
        self._Y: dict[int, list[float]] = {}

    def ask(self) -> tuple[int, list[float]]:
        index = len(self._X)
        point = self._initial[index] if index < self.N_INITIAL else self._propose()
        self._X[index] = point
        low, high = self._bounds
        return index, (low + point * (high - low)).tolist()

    def tell(self, trial: int, value: float, slacks: Sequence[float]) -> None:
        self._Y[trial] = [-value, *slacks]

    def _propose(self) -> Any:
        import torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood, SumMarginalLogLikelihood

        X = torch.stack([self._X[k] for k in self._Y])
        Y = torch.tensor(list(self._Y.values()), dtype=torch.double)
        pending = [x for k, x in self._X.items() if k not in self._Y]
        models = [SingleTaskGP(X, Y[:, k : k + 1]) for k in range(Y.shape[1])]
        more: dict[str, Any] = {}
        if len(models) == 1:
            model: Any = models[0]
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        else:
            model = ModelListGP(*models)
            fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
            more["objective"] = GenericMCObjective(lambda Z, X=None: Z[..., 0])
            more["constraints"] = [
                lambda Z, k=k: -Z[..., k] for k in range(1, len(models))
            ]
        acquisition = qLogNoisyExpectedImprovement(
            model,
            X,
            X_pending=torch.stack(pending) if pending else None,
            prune_baseline=True,
            **more,
        )
        unit = torch.tensor([[0.0] * X.shape[1], [1.0] * X.shape[1]]).double()
        point, _ = optimize_acqf(
            acquisition, unit, q=1, num_restarts=10, raw_samples=512
        )
        return point[0].detach()


class SobolMethod:
    """Scrambled Sobol points."""

    def __init__(self, problem: Problem, seed: int) -> None:
        from scipy.stats import qmc

        self._bounds = problem.bounds()
        self._engine = qmc.Sobol(len(self._bounds), seed=np.random.default_rng(seed))

    def ask(self) -> tuple[None, list[float]]:
        point = self._engine.random(1)[0]
        return None, [
            float(low + x * (high - low))
            for x, (low, high) in zip(point, self._bounds, strict=True)
        ]

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

CONSTRAINED = ("hpcopt", "ax", "optuna-gp", "optuna-tpe", "botorch", "sobol")

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

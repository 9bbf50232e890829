"""Packages with a model and no study around it: SMAC3, HEBO, BoTorch."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.quality.protocol.problems import (
    Category,
    Float,
    Integer,
    Parameter,
    Problem,
    Value,
)


def _plain(value: Any) -> Value:
    """Return a number or a word without the package's own type around it."""
    return (
        str(value)
        if isinstance(value, str)
        else value.item()
        if hasattr(value, "item")
        else value
    )


def _first(Z: Any, X: Any = None) -> Any:
    """Return what BoTorch takes as an objective: the first outcome."""
    return Z[..., 0]


def _violation(k: int) -> Callable[[Any], Any]:
    """Return what BoTorch takes as a constraint: the k-th outcome, negated."""
    return lambda Z: -Z[..., k]


class SmacMethod:
    """SMAC3's facades: ``blackbox`` (a Gaussian process) and ``hpo`` (a forest)."""

    def __init__(self, kind: str, problem: Problem, seed: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from ConfigSpace import Float as FloatRange
        from ConfigSpace import Integer as IntegerRange
        from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario

        logging.disable(logging.ERROR)
        facade = (
            BlackBoxFacade if kind == "blackbox" else HyperparameterOptimizationFacade
        )
        space = ConfigurationSpace(seed=seed)
        self._names = []
        for k, each in enumerate(problem.parameters()):
            name = f"x{k}"
            self._names.append(name)
            if isinstance(each, Category):
                space.add(Categorical(name, each.words))
            elif isinstance(each, Integer):
                space.add(IntegerRange(name, (0, each.n_steps)))
            else:
                space.add(FloatRange(name, (each.low, each.high)))
        scenario = Scenario(
            space,
            deterministic=not problem.noise,
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

    def ask(self) -> tuple[Any, list[Value]]:
        info = self._smac.ask()
        return info, [_plain(info.config[name]) for name in self._names]

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
        specs = [
            {"name": f"x{k}", **self._spec(each)}
            for k, each in enumerate(problem.parameters())
        ]
        self._names = [spec["name"] for spec in specs]
        space = DesignSpace().parse(specs)
        self._hebo = HEBO(space, scramble_seed=seed)

    def ask(self) -> tuple[Any, list[Value]]:
        table = self._hebo.suggest(n_suggestions=1)
        return table, [_plain(table[name].iloc[0]) for name in self._names]

    @staticmethod
    def _spec(parameter: Parameter) -> dict[str, Any]:
        if isinstance(parameter, Category):
            return {"type": "cat", "categories": list(parameter.words)}
        if isinstance(parameter, Integer):
            return {"type": "int", "lb": 0, "ub": parameter.n_steps}
        return {"type": "num", "lb": parameter.low, "ub": parameter.high}

    def tell(self, trial: Any, value: float, slacks: Sequence[float]) -> None:
        self._hebo.observe(trial, np.array([[value]]))


class BotorchMethod:
    """BoTorch's own defaults: ``SingleTaskGP``, ``qLogNEI``, after 10 Sobol points."""

    N_INITIAL = 10

    def __init__(self, problem: Problem, seed: int) -> None:
        import torch
        from torch.quasirandom import SobolEngine

        torch.manual_seed(seed)
        bounds = [
            (each.low, each.high)
            for each in problem.parameters()
            if isinstance(each, Float)
        ]
        self._bounds = torch.tensor(bounds, dtype=torch.double).T
        make_engine: Any = SobolEngine  # has no types
        engine = make_engine(self._bounds.shape[1], scramble=True, seed=seed)
        self._initial = list(engine.draw(self.N_INITIAL, dtype=torch.double))
        self._X: dict[int, Any] = {}
        self._Y: dict[int, list[Value]] = {}

    def ask(self) -> tuple[int, list[Value]]:
        index = len(self._X)
        point = self._initial[index] if index < self.N_INITIAL else self._propose()
        self._X[index] = point
        low, high = self._bounds
        return index, (low + point * (high - low)).tolist()

    def attach(self, point: Sequence[Value]) -> int:
        """Take a trial that was chosen elsewhere."""
        low, high = self._bounds
        index = len(self._X)
        self._X[index] = (low.new_tensor(point) - low) / (high - low)
        return index

    def tell(self, trial: int, value: float, slacks: Sequence[float]) -> None:
        self._Y[trial] = [-value, *slacks]

    def _propose(self) -> Any:
        import torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.fit import fit_gpytorch_mll
        from botorch.models.gp_regression import SingleTaskGP
        from botorch.models.model_list_gp_regression import ModelListGP
        from botorch.optim.optimize import optimize_acqf
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
            more["objective"] = GenericMCObjective(_first)
            more["constraints"] = [_violation(k) for k in range(1, len(models))]
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

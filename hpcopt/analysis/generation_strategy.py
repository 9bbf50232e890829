"""How an experiment's trials are proposed, as an analysis sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core.experiment import Experiment
from hpcopt.generation.choice import Choice, automatic_method
from hpcopt.generation.methods import METHODS
from hpcopt.generation.protocol import FallbackLevel
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import GenerationStep, Until, step_at
from hpcopt.generation.strategy import BayesianGenerator

#: The nodes of the initial design.
CENTER, SOBOL = "center", "sobol"


@dataclass(frozen=True)
class GenerationNode:
    """A part of a strategy, which proposes some of the trials."""

    name: str
    """As the trials' ``generation_node`` is; of several steps, with its number."""
    generators: str
    """By what it proposes."""
    transition: str | None = None
    """When the next node has its turn; ``None`` for the last one."""


class GenerationStrategyView:
    """How trials are proposed, by Ax's names where it has them."""

    def __init__(self, experiment: Experiment, modules: str | None = None) -> None:
        """View how the trials of an experiment are proposed.

        Args:
            experiment: What is viewed.
            modules: As ``ExperimentView`` takes it.

        Raises:
            ConfigError: This version has no such method.
        """
        settings: Mapping[str, Any] = experiment.settings
        self.spec = GeneratorSpec.from_json(settings.get("generation", {}))
        self._experiment = experiment
        self._modules = modules
        self._snapshot = Snapshot.of(experiment)

    @property
    def name(self) -> str:
        """What to call it."""
        return self.spec.name

    @cached_property
    def adapter(self) -> ExperimentView:
        """What a script that was written for Ax gives to cards to ask models by.

        It is the experiment that the models are of, as cards take it.
        """
        return ExperimentView(self._experiment, self._modules)

    @cached_property
    def nodes(self) -> tuple[GenerationNode, ...]:
        """What proposes, one after the other."""
        if self.spec.generator is not None:
            return (GenerationNode(self.spec.generator, "a generator of your own"),)
        nodes = [GenerationNode(CENTER, "the centre of the search space", "1 trial")]
        for number, step in enumerate(self._generator.steps):
            is_modelled = _is_modelled(step)
            if is_modelled and len(nodes) == 1:
                n = self._generator.n_initial_of(number, self._snapshot)
                nodes.append(GenerationNode(SOBOL, _SEQUENCE, f"{n} trials in all"))
            nodes.append(
                GenerationNode(
                    self._node_name(number, step),
                    self._proposer(step) if is_modelled else _SEQUENCE,
                    None if step.until is None else _written(step.until),
                )
            )
        return tuple(nodes)

    @property
    def current_node_name(self) -> str:
        """The name of the node that the next trial is of."""
        if self.spec.generator is not None:
            return self.spec.generator
        if self._snapshot.n_trials == 0:
            return CENTER
        number = step_at(self._generator.steps, self._snapshot, 0)
        n_trials = len(self._snapshot.completed) + len(self._snapshot.pending)
        step = self._generator.steps[number]
        is_design = self._generator.why_design(
            number, self._snapshot, n_trials, FallbackLevel.FULL
        )
        if is_design and _is_modelled(step):
            return SOBOL
        return self._node_name(number, step)

    @cached_property
    def _generator(self) -> BayesianGenerator:
        return BayesianGenerator(self.spec.n_initial, steps=self.spec.all_steps)

    def _node_name(self, number: int, step: GenerationStep) -> str:
        name = step.name
        if name == "auto":
            name = automatic_method(self._snapshot)[0]
        return f"steps[{number}]: {name}" if self.spec.steps else name

    def _proposer(self, step: GenerationStep) -> str:
        """Return by what a step with a model proposes, and why by that."""
        origin = Choice.of(step, self._snapshot).origin
        named = {"model": step.model, "acquisition": step.acquisition}
        parts = [
            getattr(origin, key) if name == "auto" else name
            for key, name in named.items()
        ]
        return f"{' and '.join(filter(None, parts))} ({origin.why})"


#: What a step without a model proposes.
_SEQUENCE = "a Sobol sequence"


def _is_modelled(step: GenerationStep) -> bool:
    return METHODS[step.method].proposer is not None


def _written(until: Until) -> str:
    """Return in words when a step ends."""
    parts = [
        f"{until.trials} trials in all" if until.trials else "",
        f"{until.completed} outcomes in all" if until.completed else "",
        f"{until.no_better_for} outcomes without a better one"
        if until.no_better_for
        else "",
    ]
    return " and ".join(filter(None, parts))

"""How an experiment's trials are proposed, as an analysis sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpcopt.core.experiment import Experiment
from hpcopt.generation.spec import GeneratorSpec


@dataclass(frozen=True)
class GenerationStrategyView:
    """How trials are proposed, by Ax's names where it has them."""

    spec: GeneratorSpec

    @property
    def name(self) -> str:
        """The method's name."""
        return self.spec.name

    @property
    def adapter(self) -> None:
        """For scripts that were written for Ax; cards ask hpcopt's own models."""
        return

    @classmethod
    def of(cls, experiment: Experiment) -> GenerationStrategyView:
        """Return how the trials of an experiment are proposed.

        Raises:
            ConfigError: This version has no such method.
        """
        settings: Mapping[str, Any] = experiment.settings
        return cls(GeneratorSpec.from_json(settings.get("generation", {})))

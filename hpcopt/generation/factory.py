"""Makes the generator that an experiment uses. Loads no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from hpcopt.generation.custom.own import OwnGenerator
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.environment import environment
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator


@dataclass(frozen=True)
class RecordingGenerator:
    """A generator that tells on what its bits depend, where the journal does not."""

    generator: BayesianGenerator | OwnGenerator

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return what the generator proposes.

        Raises:
            GenerationError: None could be proposed.
        """
        generation = self.generator.generate(n, snapshot, level)
        if snapshot.environment == environment():
            return generation
        return dataclasses.replace(generation, environment=environment())

    def warm_up(self) -> None:
        """Load now what a later ``generate`` will need."""
        self.generator.warm_up()


def make_generator(spec: GeneratorSpec) -> RecordingGenerator:
    """Return the generator of ``spec``, at work in this process.

    Raises:
        ConfigError: A user's own generator cannot be found or made.
    """
    if spec.generator is not None:
        return RecordingGenerator(OwnGenerator(spec))
    return RecordingGenerator(
        BayesianGenerator(n_initial=spec.n_initial, method=spec.method)
    )

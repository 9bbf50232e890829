"""Makes the generator that an experiment uses. Loads no torch."""

from __future__ import annotations

from hpcopt.generation.custom.find import find
from hpcopt.generation.custom.own import OwnGenerator
from hpcopt.generation.protocol import Generator
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.strategy import BayesianGenerator


def make_generator(spec: GeneratorSpec) -> Generator:
    """Return the generator of ``spec``, at work in this process.

    Who asks it adds to each answer the environment that it was made in, by
    ``Generation.recording``.

    Raises:
        ConfigError: A user's own generator cannot be found or made, a model or an
            acquisition of theirs not be found, or what a model needs is not installed.
    """
    if spec.generator is not None:
        return OwnGenerator(spec)
    # Now, and not after the initial design.
    spec.check_packages()
    for key, name in spec.own_names.items():
        find(key, name, spec.folder)
    return BayesianGenerator(
        n_initial=spec.n_initial,
        threads=spec.threads,
        steps=spec.all_steps,
        folder=spec.folder,
        device=spec.device,
    )

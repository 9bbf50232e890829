"""Generation proposes parameterizations: from a snapshot to a generation.

Sole owner of torch, botorch and scipy; knows core alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpcopt.core.experiment import Experiment
    from hpcopt.generation.models.fitted_model import FittedModel


def fitted(experiment: Experiment, modules: str | None = None) -> FittedModel:
    """Return the models that the next suggestion for ``experiment`` would ask.

    They are those that were asked for by name, or else those of the method ``bo``: of
    all that is known, over the whole space. Loads torch.

    Args:
        experiment: What is known.
        modules: The folder where a user's own modules are looked for first.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    from hpcopt.generation.predict import fitted_model
    from hpcopt.generation.snapshot import Snapshot
    from hpcopt.generation.spec import spec_of

    spec = spec_of(experiment.settings, modules)
    return fitted_model(Snapshot.of(experiment), spec.threads, spec)

"""Generation proposes parameterizations: from a snapshot to a generation.

Sole owner of torch, botorch and scipy; knows core alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpcopt.core.experiment import Experiment
    from hpcopt.generation.models.fitted_model import FittedModel


def fitted(experiment: Experiment) -> FittedModel:
    """Return the models that the next suggestion for ``experiment`` would ask.

    They are those of the method ``bo``: of all that is known, over the whole space.
    Loads torch.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
    """
    from hpcopt.generation.predict import fitted_model
    from hpcopt.generation.snapshot import Snapshot
    from hpcopt.generation.spec import threads_of

    return fitted_model(Snapshot.of(experiment), threads_of(experiment.settings))

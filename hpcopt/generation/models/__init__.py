"""Gaussian processes of outcomes: priors, MAP fits, outcome transforms, composites.

Knows snapshots, and neither what is maximised of a model nor how. Loads BoTorch.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It stands on linear_operator, which scripts a function when it is imported.
    warnings.filterwarnings(
        "ignore", ".torch.jit.script. is deprecated", DeprecationWarning
    )
    import botorch

__all__ = ["botorch"]

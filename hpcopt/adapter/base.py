"""The type of the argument ``adapter`` of ``Analysis.compute``."""

from __future__ import annotations


class Adapter:
    """Between a model and an experiment in Ax; here it is always ``None``.

    ``client.botorch_model()`` gives the models, and the map between parameters and the
    unit cube.
    """

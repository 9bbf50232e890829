"""The type of the argument ``generation_strategy`` of ``Analysis.compute``."""

from __future__ import annotations

from hpcopt.analysis.generation_strategy import GenerationStrategyView

#: Ax's name for it.
GenerationStrategy = GenerationStrategyView

"""Closed-loop Bayesian optimisation of expensive simulations on a Slurm cluster."""

from __future__ import annotations

from hpcopt.node.report import report

__all__ = ["__version__", "report"]

__version__ = "0.2.0.dev0"

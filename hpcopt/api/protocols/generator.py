"""The protocol of a generator of your own, which is hpcopt's addition to Ax."""

from __future__ import annotations

from hpcopt.generation.custom.own import IGenerator
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

__all__ = ["IGenerator", "ObservedTrial", "Snapshot"]

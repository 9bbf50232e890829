"""What the journal of an experiment says about how a client of it is configured."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hpcopt.api.generation_options import GenerationOptions, modules_folder
from hpcopt.api.problem import Problem
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.experiment.folder import JOURNAL, is_begun
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.protocol import IMetric


def experiment_folder(folder: str | Path) -> Path:
    """Return the absolute path of an experiment's folder.

    Raises:
        UsageError: It is none.
    """
    path = Path(folder).expanduser().absolute()
    if is_begun(path):
        return path
    found = f"no {JOURNAL} in it" if path.is_dir() else "a file"
    if not path.exists():
        found = "nothing"
    raise UsageError(f"{path}: expected the folder of an experiment, found {found}")


def problem_of(experiment: Experiment, folder: Path) -> Problem:
    """Return what is searched, as the experiment stands."""
    about: Any = experiment.settings.get("about", {})
    return Problem(experiment.name, folder, experiment.space, about)


def generation_of(experiment: Experiment) -> GenerationOptions:
    """Return how parameterizations were proposed the last time.

    Raises:
        ConfigError: This version has no such method.
    """
    settings: Any = experiment.settings.get("generation", {})
    spec = GeneratorSpec.from_json(settings)
    if spec.generator is not None:
        spec = dataclasses.replace(spec, folder=modules_folder())
    return GenerationOptions(spec)


def metrics_of(experiment: Experiment) -> dict[str, IMetric]:
    """Return the metrics that read HDF5 files; a user's own are known by name only."""
    metrics: Any = experiment.begun.definition.get("metrics", ())
    return {
        metric["name"]: Hdf5Metric(**metric)
        for metric in metrics
        if "dataset" in metric
    }

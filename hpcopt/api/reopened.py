"""The configuration of a client, read from the journal of its experiment."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hpcopt.api.generation_options import GenerationOptions, modules_folder
from hpcopt.api.problem import Problem
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.experiment.folder import JOURNAL, is_begun
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.protocol import IMetric


def experiment_folder(folder: str | Path) -> Path:
    """Return the absolute path of an experiment's folder.

    Raises:
        UsageError: It is none.
    """
    path = _absolute(folder)
    if is_begun(path):
        return path
    found = f"no {JOURNAL} in it" if path.is_dir() else "a file"
    if not path.exists():
        found = "nothing"
    raise UsageError(f"{path}: expected the folder of an experiment, found {found}")


def problem_of(experiment: Experiment, folder: Path) -> Problem:
    """Return the search space as it is now, with the name and the folder."""
    about: Any = experiment.settings.get("about", {})
    return Problem(experiment.name, folder, experiment.space, about)


def generation_of(
    experiment: Experiment, modules: str | Path | None = None
) -> GenerationOptions:
    """Return the generation options that the experiment was last run with.

    Args:
        experiment: The experiment.
        modules: Where modules of the user's are looked for first; by default where the
            script's own are.

    Raises:
        ConfigError: This version has no such method.
    """
    settings: Any = experiment.settings.get("generation", {})
    spec = GeneratorSpec.from_json(settings)
    if spec.own_names:
        where = modules_folder() if modules is None else _absolute(modules)
        spec = dataclasses.replace(spec, folder=str(where))
    return GenerationOptions(spec)


def metrics_of(experiment: Experiment) -> dict[str, IMetric]:
    """Return the metrics that read HDF5 files; of a user's own only names are kept."""
    metrics: Any = experiment.begun.definition.get("metrics", ())
    return {
        metric["name"]: Hdf5Metric(**metric)
        for metric in metrics
        if "dataset" in metric
    }


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()

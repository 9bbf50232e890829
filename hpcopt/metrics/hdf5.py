"""A metric that is read from a trial's HDF5 file; h5py is loaded on the first read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from hpcopt.core.errors import ConfigError, MetricError
from hpcopt.core.trials.trial import Observation
from hpcopt.metrics.protocol import IMetric

if TYPE_CHECKING:
    from hpcopt.metrics.hdf5_file import ResultFile

_REDUCTIONS = ("last", "first", "min", "max", "mean")


class Hdf5Metric(IMetric):
    """One number in a trial's HDF5 file.

    Args:
        name: The metric's name.
        file: The file, relative to the attempt's folder.
        dataset: Where the value is: a dataset, or ``object@attribute``.
        reduce: How many values become one: ``last``, ``first``, ``min``, ``max``,
            ``mean`` or an index, negative ones counting from the end. Without it,
            more than one value is an error.
        sem: Where its standard error is: one number, or as many as there are values.
            The one that belongs to the chosen value is taken; with ``mean`` the mean,
            an upper bound whatever the correlation of the values.
        step: Where its progression is, such as an epoch: whole numbers, chosen like
            ``sem``; with ``mean`` the last one.

    Raises:
        ConfigError: An argument is invalid.
    """

    def __init__(
        self,
        name: str,
        *,
        file: str = "result.h5",
        dataset: str,
        reduce: str | int | None = None,
        sem: str | None = None,
        step: str | None = None,
    ) -> None:
        super().__init__(name)
        self.file = file
        self.dataset = dataset
        self.reduce = reduce
        self.sem = sem
        self.step = step
        self._check()

    def _check(self) -> None:
        where = f"metric {self.name!r}"
        path = PurePosixPath(self.file)
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise ConfigError(
                f"{where}: expected a file inside the attempt's folder, "
                f"found {self.file!r}"
            )
        for key in ("dataset", "sem", "step"):
            address = getattr(self, key)
            if address is not None and not address.rpartition("@")[2].strip("/"):
                raise ConfigError(
                    f"{where}: {key}: expected a dataset such as '/loss' or an "
                    f"attribute such as '/run@loss', found {address!r}"
                )
        is_index = isinstance(self.reduce, int) and not isinstance(self.reduce, bool)
        if not (self.reduce is None or is_index or self.reduce in _REDUCTIONS):
            raise ConfigError(
                f"{where}: reduce: expected one of {', '.join(_REDUCTIONS)} or an "
                f"index, found {self.reduce!r}"
            )

    @override
    def fetch(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> tuple[int, float | tuple[float, float]]:
        """Read the value of one trial from its file as it is now.

        That a foreign program's file does not change any more takes two reads to see,
        which ``MetricsReader`` makes.
        """
        from hpcopt.metrics.hdf5_file import open_result

        folder, attempt = attempt_of(self.name, trial_metadata)
        with open_result(folder, self.file) as result:
            result.check_writer(trial_index, attempt)
            observation = self.observe(result)
        step = int(observation.step)
        if observation.sem is None:
            return step, observation.mean
        return step, (observation.mean, observation.sem)

    def observe(self, result: ResultFile) -> Observation:
        """Read the value from an open file.

        Raises:
            ResultNotReadyError: It is not there yet.
            MetricError: It is not one finite number.
        """
        values = result.numbers(self.dataset)
        where = f"metric {self.name!r}: {result.path}: {self.dataset}"
        index = self._index(values, where)
        with np.errstate(all="ignore"):  # what is not finite is reported just below
            mean = float(np.mean(values) if index is None else values[index])
        if not math.isfinite(mean):
            among = f" among {len(values)} values" if len(values) > 1 else ""
            raise MetricError(f"{where}: expected a finite number, found {mean}{among}")
        return Observation(
            mean=mean,
            sem=None if self.sem is None else self._sem(result, values, index),
            step=0 if self.step is None else self._step(result, values, index),
        )

    def _index(self, values: npt.NDArray[np.float64], where: str) -> int | None:
        """Return the index of the chosen value; ``None`` for the mean of all."""
        n_values = len(values)
        match self.reduce:
            case None if n_values > 1:
                raise MetricError(
                    f"{where}: expected one value, found shape ({n_values},); reduce: "
                    f"{' | '.join(_REDUCTIONS)} | <index> says which one counts"
                )
            case int(index) if not -n_values <= index < n_values:
                raise MetricError(
                    f"{where}: expected a value at index {index}, "
                    f"found {n_values} value(s)"
                )
            case int(index):
                return index
            case "min":
                return int(np.argmin(values))
            case "max":
                return int(np.argmax(values))
            case "mean":
                return None
            case "last":
                return -1
            case _:
                return 0

    def _sem(
        self, result: ResultFile, values: npt.NDArray[np.float64], index: int | None
    ) -> float:
        sems = self._beside(result, str(self.sem), values)
        with np.errstate(all="ignore"):
            sem = float(np.mean(sems) if index is None else sems[index])
        if not (math.isfinite(sem) and sem >= 0):
            raise MetricError(
                f"metric {self.name!r}: {result.path}: {self.sem}: expected a standard "
                f"error of 0 or more, found {sem}"
            )
        return sem

    def _step(
        self, result: ResultFile, values: npt.NDArray[np.float64], index: int | None
    ) -> int:
        steps = self._beside(result, str(self.step), values)
        step = float(steps[-1 if index is None else index])
        if not step.is_integer():
            raise MetricError(
                f"metric {self.name!r}: {result.path}: {self.step}: expected a whole "
                f"number, found {step}"
            )
        return int(step)

    def _beside(
        self, result: ResultFile, address: str, values: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return the numbers that belong to ``values``, broadcast to their shape."""
        numbers = result.numbers(address)
        if len(numbers) not in (1, len(values)):
            raise MetricError(
                f"metric {self.name!r}: {result.path}: {address}: expected 1 value or "
                f"{len(values)}, as in {self.dataset}, found {len(numbers)}"
            )
        return np.broadcast_to(numbers, values.shape)


def attempt_of(
    metric_name: str, trial_metadata: Mapping[str, Any]
) -> tuple[Path, int | None]:
    """Return the attempt's folder and number; ``None`` if a runner knows no number.

    Raises:
        MetricError: The metadata names no folder.
    """
    folder, attempt = trial_metadata.get("folder"), trial_metadata.get("attempt")
    if not isinstance(folder, str):
        raise MetricError(
            f"metric {metric_name!r}: expected the runner's metadata to hold the "
            f"attempt's folder, found {dict(trial_metadata)}"
        )
    return Path(folder), attempt if isinstance(attempt, int) else None

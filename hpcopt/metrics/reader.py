"""Reads all metrics of an ended attempt, for the driver."""

from __future__ import annotations

import logging
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue
from hpcopt.metrics.attempt_file import Fingerprint
from hpcopt.metrics.hdf5 import Hdf5Metric, attempt_of
from hpcopt.metrics.protocol import IMetric
from hpcopt.metrics.value import mean_and_sem

logger = logging.getLogger(__name__)


class MetricsReader:
    """The ``OutcomeReader`` for metrics of any kind.

    A file is opened once for all its ``Hdf5Metric``s. One that a foreign program wrote
    is taken for complete if it was last modified before its attempt ended, or else once
    it was read twice, unchanged, at least ``settle_s`` apart; hpcopt's own files state
    themselves that they are complete.

    Args:
        metrics: What to read.
        settle_s: How long a foreign program's file must stay unchanged, in seconds.
        clock: Tells the time in seconds; only differences count.
        ended_ns: Returns when the attempt in a folder ended, by the clock of its file
            system, in nanoseconds; ``None`` if that is not known.
    """

    def __init__(
        self,
        metrics: Sequence[IMetric],
        *,
        settle_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        ended_ns: Callable[[Path], int | None] = lambda _: None,
    ) -> None:
        self._names = [metric.name for metric in metrics]
        self._by_file: dict[str, list[Hdf5Metric]] = {}
        self._others: list[IMetric] = []
        for metric in metrics:
            # A subclass may have a fetch of its own.
            if type(metric) is Hdf5Metric:
                self._by_file.setdefault(metric.file, []).append(metric)
            else:
                self._others.append(metric)
        self._settle_s = settle_s
        self._clock = clock
        self._ended_ns = ended_ns
        self._first_seen: dict[Path, tuple[Fingerprint, float]] = {}

    def read(
        self, trial_index: int, trial_metadata: Mapping[str, JSONValue]
    ) -> Mapping[str, Observation]:
        """Return every metric's value, all finite.

        Raises:
            ResultNotReadyError: A result is not there yet, or not known to be whole.
            MetricError: A result is there and is not what was asked for.
        """
        outcome: dict[str, Observation] = {}
        not_ready: list[ResultNotReadyError] = []
        for metrics in self._by_file.values():
            # Every file is read each time, so that all of them settle simultaneously.
            try:
                outcome |= self._read_file(metrics, trial_index, trial_metadata)
            except ResultNotReadyError as error:
                not_ready.append(error)
        if not_ready:
            raise not_ready[0]
        for metric in self._others:
            outcome[metric.name] = _fetch(metric, trial_index, trial_metadata)
        return {name: outcome[name] for name in self._names}

    def _read_file(
        self,
        metrics: Sequence[Hdf5Metric],
        trial_index: int,
        trial_metadata: Mapping[str, JSONValue],
    ) -> dict[str, Observation]:
        from hpcopt.metrics.hdf5_file import open_result

        folder, attempt = attempt_of(metrics[0].name, trial_metadata)
        with open_result(folder, metrics[0].file) as result:
            result.check_writer(trial_index, attempt)
            if result.is_foreign and not self._is_older_than_end(
                folder, result.fingerprint
            ):
                self._check_settled(result.path, result.fingerprint)
            observations = {metric.name: metric.observe(result) for metric in metrics}
        self._first_seen.pop(result.path, None)
        return observations

    def _is_older_than_end(self, folder: Path, fingerprint: Fingerprint) -> bool:
        """Whether the file was last modified before its attempt ended.

        A process that the program has left behind, or the same job when it is requeued,
        may modify it later.
        """
        ended_ns = self._ended_ns(folder)
        return ended_ns is not None and fingerprint.mtime_ns <= ended_ns

    def _check_settled(self, path: Path, fingerprint: Fingerprint) -> None:
        now = self._clock()
        known, since = self._first_seen.get(path, (None, now))
        if known != fingerprint:
            self._first_seen[path] = (fingerprint, now)
            found = "it was not seen before" if known is None else "it has changed"
        elif now - since < self._settle_s:
            found = f"{now - since:.3g} s so far"
        else:
            return
        raise ResultNotReadyError(
            f"{path}: expected a file that stays as it is for {self._settle_s:g} s, "
            f"because it does not say whether it is complete; {found}"
        )


def _fetch(
    metric: IMetric, trial_index: int, trial_metadata: Mapping[str, JSONValue]
) -> Observation:
    """Call a user's metric and check what it returns."""
    where = f"metric {metric.name}"
    try:
        fetched: Any = metric.fetch(
            trial_index=trial_index, trial_metadata=trial_metadata
        )
    except (MetricError, ResultNotReadyError):
        raise
    except Exception as exc:  # a user's code may raise anything, and one trial's
        # result must not end the experiment.
        logger.exception("%s: trial %d: fetch raised", where, trial_index)
        raise MetricError(f"{where}: fetch raised {type(exc).__name__}: {exc}") from exc
    if not isinstance(fetched, tuple) or len(fetched) != 2:
        raise MetricError(
            f"{where}: expected fetch to return (progression, value), found {fetched!r}"
        )
    progression, value = fetched
    mean, sem = mean_and_sem(value, where)
    return Observation(mean, sem, step=_progression(progression, where))


def _progression(progression: object, where: str) -> int:
    try:
        return operator.index(progression)  # type: ignore[arg-type]
    except TypeError as exc:
        raise MetricError(
            f"{where}: expected a whole number as the progression, "
            f"found {progression!r}"
        ) from exc

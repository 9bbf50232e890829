"""Trials that are decoded when they are first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from hpcopt.core.many_objects import without_garbage_collection
from hpcopt.core.trials.trial import Trial
from hpcopt.core.trials.trial_codec import TrialCodec


class LazyTrials:
    """Stands in for a list of trials, of which most may never be looked at.

    To decode ten thousand takes longer than all else that shows one of them.
    """

    def __init__(self, records: Sequence[bytes], codec: TrialCodec) -> None:
        """Use trials that are not decoded.

        Args:
            records: What ``codec`` has made of each trial, as JSON, by index.
            codec: Decodes them.
        """
        self._records: list[bytes | None] = list(records)
        """``None`` where a trial is decoded."""
        self._trials: dict[int, Trial] = {}
        self._codec = codec

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Trial:
        record = self._records[index]
        if record is not None:
            self[index] = self._codec.decode(json.loads(record), index)
        return self._trials[index]

    def __setitem__(self, index: int, trial: Trial) -> None:
        self._records[index] = None
        self._trials[index] = trial

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.to_list())

    def append(self, trial: Trial) -> None:
        """Add a trial at the end."""
        self._trials[len(self)] = trial
        self._records.append(None)

    def copy(self) -> list[Trial]:
        """Return the trials as a list, as ``to_list`` does."""
        return self.to_list()

    def to_list(self) -> list[Trial]:
        """Return the trials, all decoded.

        They are parsed as one array: that takes half the time, and interns strings.
        """
        waiting = {k: record for k, record in enumerate(self._records) if record}
        with without_garbage_collection():
            parsed = json.loads(b"[%b]" % b",".join(waiting.values()))
            decoded = map(self._codec.decode, parsed, waiting)
            self._trials.update(zip(waiting, decoded, strict=True))
        self._records = [None] * len(self)
        return [self._trials[index] for index in range(len(self))]

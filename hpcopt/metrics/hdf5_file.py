"""Reads one HDF5 file of an attempt, of which nothing is taken for granted.

It is parsed from memory, so that what is parsed is what was fingerprinted, and no lock
of HDF5 can block on a shared file system.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.metrics import result_file
from hpcopt.metrics.attempt_file import AttemptFile, listing, read_attempt_file

#: A path through more soft links than this is taken for a circle.
_N_SOFT_LINKS = 16

#: How many datasets are collected for the message that one is missing.
_N_NAMES = 11

#: What h5py raises for a file that is cut off, half written or damaged.
_UNREADABLE = (OSError, RuntimeError, KeyError, ValueError)


@contextmanager
def open_result(folder: Path, file: str) -> Iterator[ResultFile]:
    """Open ``file`` in the attempt's ``folder``.

    Raises:
        ResultNotReadyError: It is not there, is being written, or cannot be read as
            HDF5.
        MetricError: It lies outside the folder, or is no regular file.
    """
    content = read_attempt_file(folder, file)
    with _unreadable_is_not_ready(content.path):
        h5 = h5py.File(content.source, "r", locking=False)
    try:
        yield ResultFile(content, h5)
    finally:
        h5.close()


class ResultFile:
    """An open result file."""

    def __init__(self, content: AttemptFile, h5: Any) -> None:
        self.path = content.path
        self.fingerprint = content.fingerprint
        self._h5 = h5
        with _unreadable_is_not_ready(self.path):
            self._marks: dict[str, Any] = {
                name: h5.attrs[name]
                for name in h5.attrs
                if name.startswith(result_file.PREFIX)
            }

    @property
    def is_foreign(self) -> bool:
        """Whether it was not written by ``write_result`` of hpcopt."""
        return not self._marks

    def check_writer(self, trial_index: int, attempt: int | None) -> None:
        """Check that a file of hpcopt's own is complete and of this attempt.

        Raises:
            ResultNotReadyError: It is not complete.
            MetricError: Another trial or attempt wrote it.
        """
        if self.is_foreign:
            return
        if not _equals(self._marks.get(result_file.COMPLETE), 1):
            raise ResultNotReadyError(
                f"{self.path}: the trial has not finished writing it "
                f"({result_file.COMPLETE} is not 1)"
            )
        trial_found = self._marks.get(result_file.TRIAL)
        attempt_found = self._marks.get(result_file.ATTEMPT)
        if not _equals(trial_found, trial_index) or not (
            attempt is None or _equals(attempt_found, attempt)
        ):
            expected = "" if attempt is None else f"attempt {attempt} of "
            raise MetricError(
                f"{self.path}: expected a file written by {expected}trial "
                f"{trial_index}, found one written by attempt {attempt_found} of "
                f"trial {trial_found}"
            )

    def numbers(self, address: str) -> npt.NDArray[np.float64]:
        """Return the numbers of a dataset or of ``object@attribute``, shape ``(n,)``.

        Raises:
            ResultNotReadyError: They are damaged; or a foreign file, whose writer may
                not be done, lacks them.
            MetricError: They are something else than one or more real numbers.
        """
        name, at, attribute = address.rpartition("@")
        with _unreadable_is_not_ready(self.path):
            if at:
                values = self._attribute(name, attribute, address)
            else:
                values = self._dataset(address)
            with np.errstate(over="ignore"):  # a long double may become infinite
                return np.asarray(values, np.float64).reshape(-1)

    def _dataset(self, address: str) -> npt.NDArray[Any]:
        dataset = self._object(address, address)
        if not isinstance(dataset, h5py.Dataset):
            raise MetricError(
                f"{self.path}: {address}: expected a dataset, found a group"
            )
        if dataset.is_virtual or dataset.external:
            raise MetricError(
                f"{self.path}: {address}: expected values inside the file, found a "
                "dataset that takes them from other files"
            )
        self._check_layout(address, dataset)
        values: npt.NDArray[Any] = np.asarray(dataset[()])
        written = dataset.attrs.get(result_file.DIGEST)
        if written is not None and written != result_file.digest(values):
            raise ResultNotReadyError(
                f"{self.path}: {address}: expected the values whose SHA-256 the file "
                "states, found others: it is damaged or not yet whole"
            )
        return values

    def _attribute(self, name: str, attribute: str, address: str) -> npt.NDArray[Any]:
        attributes = self._object(name, address).attrs
        if attribute not in attributes:
            raise self._absent(address, f"attributes {listing(list(attributes))}")
        self._check_layout(address, attributes.get_id(attribute))
        values: npt.NDArray[Any] = np.asarray(attributes[attribute])
        return values

    def _check_layout(self, address: str, stored: Any) -> None:
        """Check type and shape before any value is read."""
        where = f"{self.path}: {address}"
        try:
            dtype: np.dtype[Any] = stored.dtype
        except TypeError as exc:  # a type of HDF5 that numpy does not have
            raise MetricError(f"{where}: expected numbers, found {exc}") from exc
        if dtype.kind not in "iuf":
            is_text = dtype.kind == "S" or h5py.check_string_dtype(dtype) is not None
            found = "text" if is_text else f"values of type {dtype}"
            raise MetricError(f"{where}: expected numbers, found {found}")
        shape: tuple[int, ...] | None = stored.shape
        if shape is None or math.prod(shape) == 0:
            raise MetricError(
                f"{where}: expected at least one value, found shape {shape}"
            )
        if len(shape) > 1 and math.prod(shape) > 1:
            raise MetricError(
                f"{where}: expected one value or one dimension, found shape {shape}"
            )

    def _object(self, name: str, address: str) -> Any:
        """Return the object of that name, following its links one by one."""
        found, n_soft_links = self._h5, 0
        pending = _steps(name)
        while pending:
            step = pending.pop()
            is_group = isinstance(found, h5py.Group)
            link = found.get(step, getlink=True) if is_group else None
            if link is None:
                raise self._absent(address, f"datasets {listing(self._datasets())}")
            if isinstance(link, h5py.ExternalLink):
                raise MetricError(
                    f"{self.path}: {address}: expected values inside the file, found "
                    f"a link to {link.filename!r}"
                )
            if isinstance(link, h5py.SoftLink):
                n_soft_links += 1
                if n_soft_links > _N_SOFT_LINKS:
                    raise MetricError(
                        f"{self.path}: {address}: its links lead in a circle"
                    )
                if link.path.startswith("/"):
                    found = self._h5
                pending += _steps(link.path)
            else:
                found = found[step]
        return found

    def _absent(self, address: str, found: str) -> MetricError | ResultNotReadyError:
        """Return the error: a foreign file, unlike hpcopt's own, may still grow."""
        kind = ResultNotReadyError if self.is_foreign else MetricError
        return kind(f"{self.path}: expected {address}, found {found}")

    def _datasets(self) -> list[str]:
        names: list[str] = []

        def collect(name: str, found: Any) -> bool | None:
            if isinstance(found, h5py.Dataset):
                names.append(f"/{name}")
            return True if len(names) == _N_NAMES else None

        self._h5.visititems(collect)
        return names


@contextmanager
def _unreadable_is_not_ready(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as exc:
        raise ResultNotReadyError(
            f"{path}: expected a whole HDF5 file, found none (yet): {exc}"
        ) from exc


def _steps(name: str) -> list[str]:
    """Return the components of a path in reverse order."""
    return [step for step in reversed(name.split("/")) if step not in ("", ".")]


def _equals(mark: Any, number: int) -> bool:
    return isinstance(mark, (int, np.integer)) and int(mark) == number

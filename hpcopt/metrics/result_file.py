"""The result file that hpcopt itself writes: HDF5 that proves its own completeness.

Attributes of the root say who wrote it and that it is complete; every dataset has the
SHA-256 of its values, because HDF5 checksums its metadata but not the values: a page
that never reached the disk reads as zeros and passes all of HDF5's own checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from hpcopt.host.durable import replace_durably

#: The prefix of all attributes of hpcopt's: a file without one is a foreign program's.
PREFIX = "hpcopt_"
COMPLETE = "hpcopt_complete"
TRIAL = "hpcopt_trial"
ATTEMPT = "hpcopt_attempt"
JOB_ID = "hpcopt_job_id"
DIGEST = "hpcopt_sha256"

#: The oldest format whose metadata is all checksummed: tools with an older HDF5 may not
#: read what "latest" writes.
_FORMAT = ("v110", "v110")


def write_result(
    path: Path,
    values: Mapping[str, npt.NDArray[Any]],
    attributes: Mapping[str, int | str],
) -> None:
    """Write a result file atomically: a reader sees all of it or the one before.

    Args:
        path: The file; its folder must exist.
        values: Dataset name to numbers of any shape.
        attributes: The attributes of the root.

    Raises:
        OSError: It cannot be written.
    """

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w", libver=_FORMAT, locking=False) as h5:
            for name, array in values.items():
                h5[name] = array
                h5[name].attrs[DIGEST] = digest(array)
            for mark, value in attributes.items():
                # Text of fixed length lies within the checksummed metadata. Other text
                # does not: HDF5 was seen to search for some without end where a page
                # of the file was missing.
                h5.attrs[mark] = (
                    np.bytes_(value.encode()) if isinstance(value, str) else value
                )

    replace_durably(path, write)


def digest(array: npt.NDArray[Any]) -> np.bytes_:
    """Return the SHA-256 of the array's bytes, in hexadecimal."""
    return np.bytes_(hashlib.sha256(array.tobytes()).hexdigest())

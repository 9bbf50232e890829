"""How late the files that trials write are seen by the driver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileLatency:
    """How long to be patient with the files of a file system, in seconds."""

    grace_s: float
    """How long the result of a trial that succeeded may still be missing."""
    settle_s: float
    """How long the file of a foreign program, which does not say whether it is
    complete, must stay as it is to count as complete."""


#: A disk of this machine shows a file at once, with its time to the nanosecond.
LOCAL_DISK = FileLatency(grace_s=2.0, settle_s=0.5)

#: A client of NFS may not look for a new file again for a minute (``acdirmax``). The
#: time of a file may count whole seconds there: a change shows after one, not before.
SHARED = FileLatency(grace_s=60.0, settle_s=1.0)

"""The content of a lease file: which process holds the experiment."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from typing_extensions import override

from hpcopt.core.errors import StorageError
from hpcopt.host.process import Process


@dataclass(frozen=True)
class LeaseHolder:
    """The process that holds a lease."""

    token: str
    process: Process
    since: float
    """Seconds since the epoch, by the holder's clock."""
    heartbeat: int = 0
    """How many heartbeats it has written."""

    def to_bytes(self) -> bytes:
        """Return the content of the lease file, whose length no heartbeat changes."""
        record = dataclasses.asdict(self) | {"heartbeat": f"{self.heartbeat:012d}"}
        return json.dumps(record).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> LeaseHolder:
        """Return the holder that ``to_bytes`` wrote.

        Raises:
            ValueError: It is not a lease.
        """
        try:
            record = json.loads(data)
            record["process"] = Process(**record["process"])
            record["heartbeat"] = int(record["heartbeat"])
            return cls(**record)
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a lease: {exc!r}") from exc

    @override
    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).isoformat(" ", "seconds")
        return (
            f"driver pid {self.process.pid} on host {self.process.host} since {since}"
        )


def read_lease(path: Path) -> LeaseHolder | None:
    """Return the holder of the lease at ``path``, dead or alive; ``None`` if none.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        return LeaseHolder.from_bytes(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise StorageError(
            f"{path}: expected a lease, found something else; if no driver runs this "
            "experiment, delete the file"
        ) from exc

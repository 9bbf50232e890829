"""A folder of files that may be written again: ours, and nobody else's.

A list in the folder has the digest of each file that was written. What is in the list,
and still as it was written, is ours; any other file is left as it is, links and what
was edited included. The list has the captions, too.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcopt.core.errors import StorageError, UsageError
from hpcopt.host.durable import make_folder_durably, replace_durably

#: The list's name.
LIST = "hpcopt-figures.json"


@dataclass
class ExportFolder:
    """One folder, of which all is checked before anything is written."""

    path: Path
    files: dict[str, bytes] = field(default_factory=dict)
    """What shall be written, by name."""
    captions: dict[str, dict[str, str]] = field(default_factory=dict)
    """What is told of files that shall be written, by name."""

    def check(self, *, force: bool = False) -> None:
        """Check that nothing is there that is somebody else's.

        Args:
            force: Whether regular files may be replaced whoever wrote them.

        Raises:
            UsageError: Something is; the message names it.
            StorageError: The folder cannot be read.
        """
        try:
            if self.path.exists() and not self.path.is_dir():
                raise UsageError(f"{self.path}: expected a folder, found a file")
            ours = self._list()
            for name, data in self.files.items():
                self._check_file(name, data, ours.get(name, {}), force=force)
        except OSError as exc:
            raise StorageError(
                f"{self.path}: cannot be read: {exc.strerror or exc}"
            ) from exc

    def write(self) -> list[Path]:
        """Write the files that are new or have changed, each whole or not at all.

        Returns:
            The paths of all files, also of those that were so already.

        Raises:
            StorageError: It cannot be written.
        """
        try:
            make_folder_durably(self.path)
            known = self._list()
            # A run that is cut short leaves files that the list knows, old and new.
            both = {
                name: {
                    **self.captions.get(name, {}),
                    "sha256": sorted({*_digests(known.get(name, {})), _digest(data)}),
                }
                for name, data in self.files.items()
            }
            self._write_list({**known, **both})
            for name, data in self.files.items():
                self._write_file(name, data)
            only_new = {
                name: {**told, "sha256": [_digest(self.files[name])]}
                for name, told in both.items()
            }
            self._write_list({**known, **only_new})
        except OSError as exc:
            where = exc.filename or self.path
            raise StorageError(
                f"{where}: cannot be written: {exc.strerror or exc}"
            ) from exc
        return [self.path / name for name in self.files]

    def _check_file(
        self, name: str, data: bytes, ours: Mapping[str, Any], *, force: bool
    ) -> None:
        path = self.path / name
        found = _regular(path)
        if found is None or force:
            return
        is_ours = _digest(found) in _digests(ours)
        if found != data and not is_ours:
            raise UsageError(
                f"{path}: expected no file, or one that hpcopt report has written, "
                "found another; nothing was written. --force replaces it"
            )

    def _write_file(self, name: str, data: bytes) -> None:
        path = self.path / name
        if _regular(path) != data:
            replace_durably(path, lambda temporary: _fill(temporary, data))

    def _list(self) -> dict[str, dict[str, Any]]:
        """Return what was written before, by name.

        Raises:
            UsageError: The list is another program's.
        """
        path = self.path / LIST
        found = _regular(path)
        if found is None:
            return {}
        try:
            files = json.loads(found)["files"]
            return {str(name): dict(told) for name, told in files.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{path}: expected the list of files that hpcopt report writes, found "
                "something else; move it away"
            ) from None

    def _write_list(self, files: Mapping[str, Any]) -> None:
        told = {"files": dict(sorted(files.items()))}
        text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        self._write_file(LIST, text.encode("utf-8", "backslashreplace"))


def _regular(path: Path) -> bytes | None:
    """Return what is in a file; ``None`` where there is none.

    Raises:
        UsageError: It is a link, a folder or a device, which is not written to.
        OSError: It cannot be read.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise UsageError(f"{path}: expected a file, found {kind}; move it away")
    return path.read_bytes()


def _fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digests(told: Mapping[str, Any]) -> list[str]:
    found = told.get("sha256", [])
    return [str(one) for one in found] if isinstance(found, list) else []

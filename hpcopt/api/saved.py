"""The file of a saved client, which names the folder of its experiment."""

from __future__ import annotations

import json
from pathlib import Path

from hpcopt.core.errors import SavedClientMissingError, StorageError, UsageError
from hpcopt.experiment.folder import is_begun
from hpcopt.host.durable import write_text_durably

_FORMAT = "hpcopt client"


def save(path: Path, folder: Path) -> None:
    """Write to ``path`` that the experiment is in ``folder``.

    Raises:
        StorageError: The file cannot be written.
    """
    try:
        write_text_durably(path, json.dumps({"format": _FORMAT, "folder": str(folder)}))
    except OSError as exc:
        raise StorageError(f"{path}: cannot be written: {exc.strerror}") from exc


def load(path: Path) -> Path:
    """Return the folder of the experiment that was saved at ``path``.

    Raises:
        SavedClientMissingError: There is no such file.
        UsageError: It is no saved client, or its experiment is not there any more.
    """
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError as exc:
        raise SavedClientMissingError(
            f"{path}: expected a saved client, found nothing"
        ) from exc
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path}: expected a saved client: {exc}") from exc
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise UsageError(
            f"{path}: expected what save_to_json_file of hpcopt wrote, found "
            "something else"
        )
    folder = Path(str(record["folder"]))
    if not is_begun(folder):
        raise UsageError(f"{path}: expected the experiment in {folder}, found none")
    return folder

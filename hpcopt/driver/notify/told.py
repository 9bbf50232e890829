"""What was told already: a restarted driver does not tell it again."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from hpcopt.driver.notify.spec import Occasion
from hpcopt.host.durable import write_text_durably

logger = logging.getLogger(__name__)


class Told:
    """A file with what was told last on each occasion."""

    def __init__(self, path: Path) -> None:
        """Read the file, if it is there.

        What cannot be read tells nothing: somebody is rather told twice.
        """
        self._path = path
        self._known: dict[str, str] = {}
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as exc:
            logger.info(
                "%s: cannot be read, so something may be told twice: %s", path, exc
            )
            return
        if isinstance(known, dict):
            self._known = {str(key): str(value) for key, value in known.items()}

    def is_known(self, occasion: Occasion, what: str) -> bool:
        """Whether just this was told last on that occasion."""
        return self._known.get(occasion.value) == what

    def note(self, occasion: Occasion, what: str) -> None:
        """Keep that it was told."""
        self._known[occasion.value] = what
        try:
            write_text_durably(self._path, json.dumps(self._known))
        except OSError as exc:
            logger.warning(
                "%s: cannot be written, so something may be told twice: %s",
                self._path,
                exc.strerror,
            )

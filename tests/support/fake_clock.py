"""The one fake clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """A ``Clock`` on which time passes only when somebody waits, or sets ``time``."""

    time: float = 1000.0
    """In seconds since the epoch."""
    moves: Callable[[float], object] | None = None
    """What else goes on by as many seconds, as a fake Slurm's ``go_on``."""
    meanwhile: list[Callable[[], object] | None] = field(default_factory=list)
    """What happens during the next waits, one thing in each."""

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds
        if self.moves is not None:
            self.moves(seconds)
        if self.meanwhile and (happening := self.meanwhile.pop(0)) is not None:
            happening()

    def interrupt(self) -> None:
        pass

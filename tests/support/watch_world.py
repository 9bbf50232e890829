"""The application of ``hpcopt watch`` on a screen of any size, and what is on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from hpcopt.cli.watch.app import WatchApp
from hpcopt.core import events as ev
from hpcopt.experiment.folder import JOURNAL, LEASE
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease
from tests.support.fake_clock import FakeClock

SMALL = (80, 24)
LARGE = (160, 50)


class Watch:
    """The application, which looks only when it is told to."""

    def __init__(self, app: WatchApp, pilot: Pilot[None], clock: FakeClock) -> None:
        self.app = app
        self.pilot = pilot
        self.clock = clock

    async def press(self, *keys: str) -> str:
        """Press keys, and return what is on the screen then."""
        for key in keys:
            await self.pilot.press(key)
        return await self.screen()

    async def look(self) -> str:
        """Look at the folder, and return what is on the screen then."""
        await self.app.look()
        return await self.screen()

    async def settle(self) -> None:
        """Wait until what was begun is done, and is drawn."""
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def screen(self) -> str:
        """Return the text on the screen, without blanks at the ends of lines."""
        await self.settle()
        strips = self.app.screen._compositor.render_strips()  # what textual would draw
        return "\n".join(strip.text.rstrip() for strip in strips)


def watch(
    folder: Path,
    visit: Callable[[Watch], Awaitable[None]],
    *,
    size: tuple[int, int] = SMALL,
    time: float,
) -> None:
    """Watch the experiment in ``folder``, and visit the application.

    Args:
        folder: The experiment's.
        visit: What is done and expected while it runs.
        size: The screen's columns and lines.
        time: The time, in seconds since the epoch.
    """

    async def run() -> None:
        clock = FakeClock(time)
        app = WatchApp(folder, clock=clock.now, refreshes=False)
        async with app.run_test(size=size) as pilot:
            seen = Watch(app, pilot, clock)
            await seen.settle()  # after the first look
            await visit(seen)

    asyncio.run(run())


def append(folder: Path, *events: ev.Event) -> None:
    """Append events to the journal in ``folder``, as a driver that is gone."""
    with Lease.acquire(folder / LEASE, heartbeat_s=None) as lease:
        store = JournalFile.open_for_writing(folder / JOURNAL, lease)
        store.append(events)
        store.close()

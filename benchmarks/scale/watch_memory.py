"""What a week of ``hpcopt watch`` takes of memory, at simulated speed.

    scripts/bench watch_memory --days 7 --every 5 --trial-every 300

The application runs on a screen of 80 columns and 24 lines that nobody sees, by a clock
that goes on by ``--every`` seconds a look. Every ``--trial-every`` seconds one trial
ends and another begins, as four are in flight; each writes 100 bytes to its log between
two looks, and a key is pressed every hundred looks. Beside the memory stands what a
process takes that is begun anew at the end: what is more was held for nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common.paths import command
from benchmarks.common.provenance import headline
from hpcopt.cli.watch.app import WatchApp
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import JOURNAL, LEASE
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease

BEGUN_AT = 1_700_000_000.0
N_SLOTS = 4
KEYS = (
    "down",
    "2",
    "3",
    "4",
    "5",
    "1",
    "b",
    "o",
    "O",
    "pageup",
    "question_mark",
    "escape",
)

DEFINITION: dict[str, JSONValue] = {
    "name": "a week",
    "parameters": [
        {"name": f"x{k}", "type": "range", "bounds": [0, 1], "parameter_type": "float"}
        for k in range(6)
    ],
    "objective": "-loss",
    "metrics": [{"name": "loss", "dataset": "/loss"}],
    "seed": 0,
}


def begun(index: int, now: float) -> Iterator[ev.Event]:
    """Yield how a trial begins."""
    values = {f"x{k}": ((index + 1) * (k + 3) * 0.618034) % 1.0 for k in range(6)}
    generated = ev.GeneratedTrial(index, values, "bo")
    yield ev.TrialsGenerated(now, (generated,), seconds=0.1)
    yield ev.AttemptsStaged(now, (ev.StagedAttempt(index, 0, f"week.{index}.0"),))
    job = {"job_id": str(100_000 + index)}
    yield ev.AttemptsSubmitted(now, (ev.SubmittedAttempt(index, 0, job),))
    yield ev.AttemptObserved(now, index, 0, Phase.RUNNING, facts={"node": "n1"})


def ended(index: int, now: float) -> Iterator[ev.Event]:
    """Yield how a trial ends; one in ten fails."""
    if index % 10 == 9:
        yield ev.AttemptEnded(now, index, 0, Cause.TRIAL, "exit code 1")
        yield ev.TrialFailed(now, index, Cause.TRIAL, "exit code 1")
        return
    yield ev.AttemptEnded(now, index, 0, Cause.SUCCESS)
    loss = ev.ObservedMetric((index * 0.7548776662) % 1.0)
    yield ev.TrialCompleted(now, index, {"loss": loss})


def resident_mib() -> float:
    """Return the memory of this process that is resident now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


async def week(folder: Path, options: argparse.Namespace) -> None:
    """Watch for as many days, and print a row each."""
    now = BEGUN_AT
    app = WatchApp(folder, clock=lambda: now, refreshes=False)
    n_looks = round(options.days * 86400 / options.every)
    rows = {round(n_looks * k / options.rows) for k in range(options.rows + 1)}
    started = time.process_time()
    in_flight: deque[int] = deque()
    n_trials, next_at = 0, now
    with Lease.acquire(folder / LEASE, heartbeat_s=None) as lease:
        store = JournalFile.open_or_create(folder / JOURNAL, lease)
        store.append(
            [
                ev.ExperimentBegun(
                    now, "0", DEFINITION, {"run": {"max_trials": 10**6}}
                ),
                ev.DriverBegun(now, "login1", 1, "0"),
            ]
        )
        async with app.run_test(size=(80, 24)) as pilot:
            for look in range(n_looks + 1):
                if now >= next_at:
                    next_at += options.trial_every
                    events: list[ev.Event] = []
                    if len(in_flight) == N_SLOTS:
                        events += ended(in_flight.popleft(), now)
                    events += begun(n_trials, now)
                    in_flight.append(n_trials)
                    n_trials += 1
                    store.append(events)
                _write_logs(folder, in_flight)
                await app.look()
                if look % 100 == 0:
                    await pilot.press(KEYS[look // 100 % len(KEYS)])
                    await pilot.pause()
                if look in rows:
                    gc.collect()
                    cpu = time.process_time() - started
                    print(
                        f"| {(now - BEGUN_AT) / 86400:.2f} | {look} | {n_trials} | "
                        f"{(folder / JOURNAL).stat().st_size / 1e6:.1f} | "
                        f"{resident_mib():.1f} | {len(gc.get_objects())} | {cpu:.0f} |",
                        flush=True,
                    )
                now += options.every
        store.close()


def _write_logs(folder: Path, in_flight: deque[int]) -> None:
    for index in in_flight:
        attempt = folder / "trials" / f"{index:04d}" / "attempt-0"
        attempt.mkdir(parents=True, exist_ok=True)
        with (attempt / "log.txt").open("ab") as log:
            log.write(
                b"step: the residual is small, and smaller still".ljust(99) + b"\n"
            )


async def once(folder: Path) -> None:
    """Watch what is there, and print what that takes."""
    app = WatchApp(folder, refreshes=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.look()
        for key in KEYS:
            await pilot.press(key)
        await pilot.pause()
        gc.collect()
        print(f"begun anew: {resident_mib():.1f} MiB, {len(gc.get_objects())} objects")


def main() -> None:
    """Watch a week, and what it left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--trial-every", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--rows", type=int, default=7)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        asyncio.run(once(options.once))
        return
    print(headline(), end="\n\n")
    print("| day | looks | trials | journal MB | resident MiB | objects | CPU s |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(week(Path(home), options))
        again = command("scale/watch_memory", "--once", home)
        sys.stdout.flush()
        subprocess.run(again, check=True)


if __name__ == "__main__":
    main()

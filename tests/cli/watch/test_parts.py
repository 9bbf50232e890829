"""What ``hpcopt watch`` is made of: looks at files, texts, plots."""

from __future__ import annotations

import builtins
import io
import os
from collections import Counter
from pathlib import Path

import pytest
from rich.cells import cell_len

from hpcopt.cli.watch.braille import BrailleCanvas, Scale, robust_range
from hpcopt.cli.watch.log_tail import N_BYTES, LogTail
from hpcopt.cli.watch.observer import Observer
from hpcopt.cli.watch.pace import Pace
from hpcopt.cli.watch.printable import fitted, line
from hpcopt.cli.watch.progress import Progress, Reached
from hpcopt.cli.watch.progress_pane import _plot
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause
from hpcopt.experiment.folder import JOURNAL, LEASE
from hpcopt.storage.lease import Lease
from tests.support.cli_world import T0, make_experiment
from tests.support.watch_world import append

NOW = T0 + 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


# Looking


def test_a_folder_of_jobs_that_cannot_be_read_is_a_sentence(folder: Path) -> None:
    (folder / "driver" / "0001" / "sbatch.log").mkdir(parents=True)
    seen = Observer(folder).look(NOW)
    assert seen.experiment is not None
    assert seen.problem == "driver: cannot be read: Is a directory"


def test_a_look_costs_few_calls_and_lists_no_trials(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "trials").mkdir()
    with Lease.acquire(folder / LEASE, heartbeat_s=None):
        observer = Observer(folder)
        observer.look(NOW)
        calls: Counter[str] = Counter()

        def counted(module: object, name: str) -> None:
            original = getattr(module, name)

            def call(*args: object, **kwargs: object) -> object:
                calls[f"{name} {Path(str(args[0])).name}"] += 1
                return original(*args, **kwargs)

            monkeypatch.setattr(module, name, call)

        for module, name in (
            (os, "stat"),
            (os, "open"),
            (os, "listdir"),
            (os, "scandir"),
            (io, "open"),
            (builtins, "open"),
        ):
            counted(module, name)
        seen = observer.look(NOW)
        monkeypatch.undo()
    assert seen.is_driven
    of_folder = {call: n for call, n in calls.items() if call.split()[1] != "stat"}
    assert set(of_folder) == {
        f"stat {JOURNAL}",
        f"open {JOURNAL}",
        f"open {LEASE}",
        f"stat {LEASE}",
    } | {call for call in of_folder if "proc" in call or "boot" in call}
    assert calls[f"open {JOURNAL}"] == 1
    assert sum(calls.values()) <= 12


def test_what_was_seen_stays_as_it_was(folder: Path) -> None:
    observer = Observer(folder)
    before = observer.look(NOW)
    append(folder, ev.AttemptEnded(NOW, 3, 0, Cause.SUCCESS))
    append(folder, ev.TrialCompleted(NOW, 3, {"loss": ev.ObservedMetric(0.01)}))
    after = observer.look(NOW)
    assert before.experiment is not None
    assert after.experiment is not None
    assert before.progress.front == (1,)
    assert after.progress.front == (3,)
    assert not before.experiment.trial(3).status.is_terminal
    assert after.version == before.version + 1
    assert observer.look(NOW).version == after.version


def test_a_damaged_journal_is_not_read_again_until_it_is_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (folder / JOURNAL).read_bytes()
    observer = Observer(folder)
    observer.look(NOW)
    (folder / JOURNAL).write_bytes(content[:200] + b"x" + content[201:])
    assert "expected a length" in observer.look(NOW).problem

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("it is read again")

    with monkeypatch.context() as patch:
        patch.setattr("hpcopt.storage.journal_tail.JournalTail.update", refuse)
        assert "expected a length" in observer.look(NOW).problem
    (folder / JOURNAL).write_bytes(content)
    assert observer.look(NOW).problem == ""


def test_looks_are_rarer_while_nothing_happens_or_they_take_long() -> None:
    pace = Pace()
    first = pace.seconds
    pauses = []
    for _ in range(30):
        pace.looked(is_new=False, took_s=0.01)
        pauses.append(pace.seconds)
    assert pauses == sorted(pauses)
    assert first < pauses[0] < pauses[-1] == 30
    pace.looked(is_new=True, took_s=0.01)
    assert pace.seconds == first
    pace.looked(is_new=True, took_s=1.0)
    assert pace.seconds == 20
    pace.quicken()
    assert pace.seconds == first


# Logs


def test_only_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("wb") as file:
        file.truncate(1 << 36)  # a sparse file: nobody reads 64 GiB
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    end = LogTail().read(log)
    assert end.lines[-1] == "the end"
    assert end.is_cut
    assert sum(map(len, end.lines)) <= 4 * N_BYTES


def test_a_log_is_read_again_once_it_has_changed(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    tail = LogTail()
    assert tail.read(log).problem == "there is no log yet"
    log.write_bytes(b"10 %\r20 %\r\ndone")
    first = tail.read(log)
    assert first.lines == ("10 %", "20 %", "done")
    assert tail.read(log) is first
    with log.open("ab") as file:
        file.write(b"\nmore\n")
    assert tail.read(log).lines == ("10 %", "20 %", "done", "more")
    assert tail.read(None).path is None
    assert "Is a directory" in tail.read(tmp_path).problem


# Texts


@pytest.mark.parametrize(
    "text", ["plain", "🚀🚀🚀", "日本語", "שלום", "e\u0301e\u0301", ""]
)
@pytest.mark.parametrize("width", [0, 1, 2, 3, 5, 8])
def test_a_text_fits_exactly(text: str, width: int) -> None:
    assert cell_len(fitted(text, width)) == width
    assert cell_len(fitted(text, width, is_right=True)) == width


def test_markup_means_nothing() -> None:
    assert line("[bold]a[/bold]", ("[red]", "red")).plain == "[bold]a[/bold][red]"


# Plots


def test_steps_join_their_dots() -> None:
    canvas = BrailleCanvas(2, 1)
    canvas.steps([(0, 0), (3, 3)])
    assert canvas.lines() == ["⠉⢹"]
    canvas = BrailleCanvas(1, 1)
    canvas.dot(0, 3)
    assert canvas.lines() == ["⡀"]
    assert BrailleCanvas(2, 2).lines() == ["  ", "  "]


@pytest.mark.parametrize(
    ("least", "most"), [(0.0, 1.0), (-1.7e308, 1.7e308), (3.0, 3.0), (0.0, 0.0)]
)
def test_a_scale_maps_any_numbers_onto_its_dots(least: float, most: float) -> None:
    scale = Scale(least, most, 9)
    assert scale.dot(scale.least) == 0
    assert scale.dot(scale.most) == 8
    assert 0 <= scale.dot(1e300) <= 8


def test_values_far_off_do_not_set_the_range() -> None:
    values = [k / 100 for k in range(100)] + [1e9, -1e9, float("nan"), float("inf")]
    least, most = robust_range(values, [0.0])
    assert -1 < least <= 0
    assert 0.9 < most < 2
    assert robust_range([], []) == (0.0, 1.0)
    assert robust_range([1e9], [0.5])[0] == 0.5


@pytest.mark.parametrize("values", [(1.23456e-5, 9.8765e-5), (-9.87654e8, -2.34567e7)])
def test_numbers_beside_a_plot_keep_their_exponents(values: tuple[float, ...]) -> None:
    reached = tuple(Reached(k, value, None, True) for k, value in enumerate(values))
    lines = _plot(Progress(reached, (0,), (True,), "loss"), 20, 4)
    shown = [lines[k].plain.partition("│")[0] for k in (3, 0)]
    assert [float(one) for one in shown] == pytest.approx(values, rel=1e-3)
    assert {len(one) for one in shown} == {11}

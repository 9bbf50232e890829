from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typing_extensions import override

from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.core.trials.trial import Observation
from hpcopt.metrics import attempt_file, hdf5_file
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.protocol import IMetric
from hpcopt.metrics.reader import MetricsReader
from hpcopt.metrics.result_file import ATTEMPT, COMPLETE, TRIAL, write_result
from hpcopt.runners.script.attempt_folder import ended_ns
from tests.support.fake_clock import FakeClock


class Answer(IMetric):
    """A user's metric that returns, or raises, what it was given."""

    def __init__(self, answer: Any, name: str = "loss") -> None:
        super().__init__(name)
        self.answer = answer
        self.calls: list[tuple[int, Mapping[str, Any]]] = []

    @override
    def fetch(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> tuple[int, float | tuple[float, float]]:
        self.calls.append((trial_index, trial_metadata))
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: tuple[int, float] = self.answer
        return answer


def metadata(folder: Path) -> dict[str, Any]:
    return {"folder": str(folder), "attempt": 0}


def write_foreign(path: Path, **values: Any) -> Path:
    with h5py.File(path, "w") as h5:
        for name, value in values.items():
            h5[name] = value
    return path


# A user's metrics


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((0, 0.5), Observation(0.5)),
        ((4, 2), Observation(2.0, step=4)),
        ((np.int64(4), np.float32(0.5)), Observation(0.5, step=4)),
        ((0, np.asarray(0.5)), Observation(0.5)),
        ((0, (0.5, 0.1)), Observation(0.5, sem=0.1)),
        ((0, (np.float64(0.5), 0)), Observation(0.5, sem=0.0)),
    ],
)
def test_numbers_of_any_kind_are_taken(answer: Any, expected: Observation) -> None:
    metric = Answer(answer)
    found = MetricsReader([metric]).read(7, {"pid": 1})["loss"]
    assert found == expected
    assert (type(found.mean), type(found.step)) == (float, int)
    assert metric.calls == [(7, {"pid": 1})]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (0.5, r"expected fetch to return \(progression, value\), found 0\.5"),
        (None, r"expected fetch to return \(progression, value\), found None"),
        ((0.5, 1.0), r"expected a whole number as the progression, found 0\.5"),
        ((0, "0.5"), r"expected a finite number .* found '0\.5' \(str\)"),
        ((0, None), r"expected a finite number .* found None"),
        ((0, True), r"expected a finite number .* found True \(bool\)"),
        ((0, Decimal("0.5")), r"found Decimal\('0\.5'\) \(Decimal\)"),
        ((0, 1j), r"found 1j \(complex\)"),
        ((0, [1.0]), r"found \[1\.0\] \(list\)"),
        ((0, [[1.0], [1.0, 2.0], 3]), r"found \[\[1\.0\], .* \(list\)"),
        ((0, (1.0, 2.0, 3.0)), r"\(tuple\)"),
        ((0, float("nan")), r"expected a finite number or .* found nan"),
        ((0, float("inf")), r"expected a finite number or .* found inf"),
        ((0, (float("-inf"), 1.0)), r"expected a finite number or .* found -inf"),
        ((0, (1.0, -0.1)), r"a standard error of 0 or more, found -0\.1"),
        ((0, (1.0, float("nan"))), r"a standard error of 0 or more, found nan"),
    ],
)
def test_anything_else_is_refused_and_the_metric_named(
    answer: Any, message: str
) -> None:
    with pytest.raises(MetricError, match=rf"metric loss: .*{message}"):
        MetricsReader([Answer(answer)]).read(0, {})


@pytest.mark.parametrize("error", [MetricError("wrong"), ResultNotReadyError("later")])
def test_the_verdicts_of_a_metric_pass_through(error: Exception) -> None:
    with pytest.raises(type(error), match=f"^{error}$"):
        MetricsReader([Answer(error)]).read(0, {})


@pytest.mark.parametrize("error", [ValueError("no"), FileNotFoundError("no")])
def test_any_other_exception_is_an_error_with_its_traceback_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    name = type(error).__name__
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(MetricError, match=rf"metric loss: fetch raised {name}: no"),
    ):
        MetricsReader([Answer(error)]).read(0, {})
    assert "Traceback" in caplog.text


def test_a_subclass_of_the_hdf5_metric_is_asked_itself(tmp_path: Path) -> None:
    class Doubled(Hdf5Metric):
        @override
        def fetch(
            self, trial_index: int, trial_metadata: Mapping[str, Any]
        ) -> tuple[int, float | tuple[float, float]]:
            step, value = super().fetch(trial_index, trial_metadata)
            assert isinstance(value, float)
            return step, 2 * value

    write_foreign(tmp_path / "result.h5", loss=0.5)
    reader = MetricsReader([Doubled("loss", dataset="/loss")])
    assert reader.read(0, metadata(tmp_path)) == {"loss": Observation(1.0)}


# Files of our own


def test_one_open_serves_all_metrics_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: dict[str, int | str] = {COMPLETE: 1, TRIAL: 0, ATTEMPT: 0}
    values = {name: np.asarray(float(k)) for k, name in enumerate("abc")}
    write_result(tmp_path / "result.h5", values, marks)
    opened: list[str] = []
    read = attempt_file.read_attempt_file

    def count(folder: Path, file: str) -> Any:
        opened.append(file)
        return read(folder, file)

    monkeypatch.setattr(hdf5_file, "read_attempt_file", count)
    metrics: list[IMetric] = [Hdf5Metric(name, dataset=name) for name in "ba"]
    reader = MetricsReader([metrics[0], Answer((0, 9.0), "user"), metrics[1]])
    outcome = reader.read(0, metadata(tmp_path))
    assert outcome == {
        "b": Observation(1.0),
        "user": Observation(9.0),
        "a": Observation(0.0),
    }
    assert list(outcome) == ["b", "user", "a"]
    assert opened == ["result.h5"]


def test_a_users_metric_is_not_asked_before_the_files_are_ready(
    tmp_path: Path,
) -> None:
    user = Answer((0, 1.0), "user")
    reader = MetricsReader([user, Hdf5Metric("loss", dataset="/loss")])
    with pytest.raises(ResultNotReadyError, match="No such file"):
        reader.read(0, metadata(tmp_path))
    assert user.calls == []


def test_metadata_without_a_folder_is_an_error() -> None:
    reader = MetricsReader([Hdf5Metric("loss", dataset="/loss")])
    with pytest.raises(MetricError, match="metadata to hold the attempt's folder"):
        reader.read(0, {})


# Files of foreign programs


def test_a_foreign_file_counts_when_it_has_stayed_as_it_is(tmp_path: Path) -> None:
    clock = FakeClock()
    reader = MetricsReader(
        [Hdf5Metric("loss", dataset="/loss")], settle_s=0.5, clock=clock.now
    )
    write_foreign(tmp_path / "result.h5", loss=0.5)
    with pytest.raises(ResultNotReadyError, match="it was not seen before"):
        reader.read(0, metadata(tmp_path))
    clock.wait(0.25)
    with pytest.raises(ResultNotReadyError, match=r"for 0\.5 s, .* 0\.25 s so far"):
        reader.read(0, metadata(tmp_path))
    clock.wait(0.25)
    assert reader.read(0, metadata(tmp_path)) == {"loss": Observation(0.5)}


@pytest.mark.parametrize(
    ("ended_after_ns", "counts"), [(0, True), (10**9, True), (-1, False), (None, False)]
)
def test_a_foreign_file_counts_at_once_if_its_attempt_ended_after_it(
    tmp_path: Path, ended_after_ns: int | None, counts: bool
) -> None:
    path = write_foreign(tmp_path / "result.h5", loss=0.5)
    written_ns = path.stat().st_mtime_ns
    if ended_after_ns is not None:
        (tmp_path / "ended").write_text("0\n")
        ended_at_ns = written_ns + ended_after_ns
        os.utime(tmp_path / "ended", ns=(ended_at_ns, ended_at_ns))
    reader = MetricsReader(
        [Hdf5Metric("loss", dataset="/loss")], clock=FakeClock().now, ended_ns=ended_ns
    )
    with nullcontext() if counts else pytest.raises(ResultNotReadyError):
        assert reader.read(0, metadata(tmp_path)) == {"loss": Observation(0.5)}


def test_an_end_that_is_half_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "ended").write_text("0")
    assert ended_ns(tmp_path) is None


@pytest.mark.parametrize("change", ["content", "time"])
def test_a_foreign_file_that_changes_settles_anew(tmp_path: Path, change: str) -> None:
    clock = FakeClock()
    reader = MetricsReader([Hdf5Metric("loss", dataset="/loss")], clock=clock.now)
    path = write_foreign(tmp_path / "result.h5", loss=0.5)
    with pytest.raises(ResultNotReadyError, match="it was not seen before"):
        reader.read(0, metadata(tmp_path))
    stat = path.stat()
    if change == "content":
        write_foreign(path, loss=0.25)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    else:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    clock.wait(60)
    with pytest.raises(ResultNotReadyError, match="it has changed"):
        reader.read(0, metadata(tmp_path))
    clock.wait(60)
    expected = Observation(0.25 if change == "content" else 0.5)
    assert reader.read(0, metadata(tmp_path)) == {"loss": expected}


def test_the_values_of_a_foreign_file_are_judged_only_when_it_has_settled(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    reader = MetricsReader([Hdf5Metric("loss", dataset="/loss")], clock=clock.now)
    write_foreign(tmp_path / "result.h5", loss=np.nan)
    with pytest.raises(ResultNotReadyError, match="it was not seen before"):
        reader.read(0, metadata(tmp_path))
    clock.wait(60)
    with pytest.raises(MetricError, match="found nan"):
        reader.read(0, metadata(tmp_path))


def test_a_settled_foreign_file_counts_only_with_every_dataset(tmp_path: Path) -> None:
    clock = FakeClock()
    metrics = [Hdf5Metric(name, dataset=name) for name in ("loss", "cost")]
    reader = MetricsReader(metrics, clock=clock.now)
    write_foreign(tmp_path / "result.h5", loss=0.5)
    for message in ("it was not seen before", "expected cost, found datasets /loss"):
        with pytest.raises(ResultNotReadyError, match=message):
            reader.read(0, metadata(tmp_path))
        clock.wait(60)


def test_several_foreign_files_settle_at_the_same_time(tmp_path: Path) -> None:
    clock = FakeClock()
    metrics = [Hdf5Metric(name, file=f"{name}.h5", dataset="/x") for name in "ab"]
    reader = MetricsReader(metrics, clock=clock.now)
    for name in "ab":
        write_foreign(tmp_path / f"{name}.h5", x=1.0)
    with pytest.raises(ResultNotReadyError, match=r"a\.h5: .* not seen before"):
        reader.read(0, metadata(tmp_path))
    clock.wait(0.5)
    expected = {"a": Observation(1.0), "b": Observation(1.0)}
    assert reader.read(0, metadata(tmp_path)) == expected


def test_trials_settle_apart(tmp_path: Path) -> None:
    clock = FakeClock()
    reader = MetricsReader([Hdf5Metric("loss", dataset="/loss")], clock=clock.now)
    for name in ("0000", "0001"):
        (tmp_path / name).mkdir()
        write_foreign(tmp_path / name / "result.h5", loss=0.5)
    with pytest.raises(ResultNotReadyError, match="it was not seen before"):
        reader.read(0, metadata(tmp_path / "0000"))
    clock.wait(60)
    with pytest.raises(ResultNotReadyError, match="it was not seen before"):
        reader.read(1, metadata(tmp_path / "0001"))
    assert reader.read(0, metadata(tmp_path / "0000")) == {"loss": Observation(0.5)}

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hpcopt.core.errors import ConfigError, MetricError, ResultNotReadyError
from hpcopt.metrics import attempt_file
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.result_file import ATTEMPT, COMPLETE, JOB_ID, TRIAL, write_result

MARKS: dict[str, int | str] = {COMPLETE: 1, TRIAL: 3, ATTEMPT: 1, JOB_ID: "4711_2"}


def fetch(folder: Path, **arguments: Any) -> Any:
    """Read a metric as the attempt 1 of trial 3."""
    arguments = {"dataset": "/loss"} | arguments
    return Hdf5Metric("loss", **arguments).fetch(
        trial_index=3, trial_metadata={"folder": str(folder), "attempt": 1}
    )


def write_foreign(folder: Path, **values: Any) -> Path:
    path = folder / "result.h5"
    with h5py.File(path, "w") as h5:
        for name, value in values.items():
            h5[name] = value
    return path


def write_ours(folder: Path, **changes: Any) -> Path:
    path = folder / "result.h5"
    write_result(path, {"loss": np.asarray(0.5)}, {**MARKS, **changes})
    return path


# Values


@pytest.mark.parametrize(
    "stored",
    [
        0.5,
        np.float32(0.5),
        np.float16(0.5),
        np.longdouble(0.5),
        np.asarray(0.5),
        np.asarray([0.5]),
        np.asarray([[0.5]]),
        np.asarray(0.5, dtype=">f8"),
    ],
    ids=["float", "f4", "f2", "long double", "0-d", "length-1", "1x1", "big-endian"],
)
def test_any_real_scalar_is_a_value(tmp_path: Path, stored: Any) -> None:
    write_foreign(tmp_path, loss=stored)
    assert fetch(tmp_path) == (0, 0.5)


@pytest.mark.parametrize("dtype", ["i1", "u2", "i8"])
def test_an_integer_becomes_a_float(tmp_path: Path, dtype: str) -> None:
    write_foreign(tmp_path, loss=np.asarray(7, dtype=dtype))
    step, mean = fetch(tmp_path)
    assert (step, mean) == (0, 7.0)
    assert isinstance(mean, float)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("first", (10, (4.0, 0.1))),
        ("last", (40, (3.0, 0.4))),
        ("min", (20, (1.0, 0.2))),
        ("max", (30, (8.0, 0.3))),
        (2, (30, (8.0, 0.3))),
        (-3, (20, (1.0, 0.2))),
        ("mean", (40, (4.0, pytest.approx(0.25)))),
    ],
)
def test_the_error_and_the_step_are_those_of_the_chosen_value(
    tmp_path: Path, reduce: str | int, expected: Any
) -> None:
    write_foreign(
        tmp_path,
        loss=[4.0, 1.0, 8.0, 3.0],
        sem=[0.1, 0.2, 0.3, 0.4],
        step=[10, 20, 30, 40],
    )
    assert fetch(tmp_path, reduce=reduce, sem="/sem", step="step") == expected


def test_one_error_serves_all_values(tmp_path: Path) -> None:
    write_foreign(tmp_path, loss=[4.0, 1.0], sem=0.0)
    assert fetch(tmp_path, reduce="last", sem="/sem") == (0, (1.0, 0.0))


def test_attributes_are_addressed_with_an_at_sign(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        run = h5.create_group("run")
        run.attrs["loss"] = [2.0, 1.0]
        h5.attrs["sem"] = np.float32(0.5)
        h5["epoch"] = 0
        h5["epoch"].attrs["at"] = 3.0
    found = fetch(
        tmp_path, dataset="/run@loss", reduce="min", sem="@sem", step="epoch@at"
    )
    assert found == (3, (1.0, 0.5))


def test_a_nan_that_is_not_chosen_does_no_harm(tmp_path: Path) -> None:
    write_foreign(tmp_path, loss=[np.nan, 2.0])
    assert fetch(tmp_path, reduce="last") == (0, 2.0)


@pytest.mark.parametrize("reduce", ["min", "max", "mean", "first"])
def test_a_nan_is_never_skipped(tmp_path: Path, reduce: str) -> None:
    write_foreign(tmp_path, loss=[np.nan, 2.0])
    with pytest.raises(MetricError, match=r"expected a finite number, found nan among"):
        fetch(tmp_path, reduce=reduce)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(tmp_path: Path, value: float) -> None:
    write_foreign(tmp_path, loss=value)
    with pytest.raises(
        MetricError, match=rf"result\.h5: /loss: expected a finite .* found {value}"
    ):
        fetch(tmp_path)


def test_a_mean_of_opposite_infinities_is_refused(tmp_path: Path) -> None:
    write_foreign(tmp_path, loss=[np.inf, -np.inf])
    with pytest.raises(MetricError, match="found nan among 2 values"):
        fetch(tmp_path, reduce="mean")


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ("0.5", "text"),
        (np.bytes_(b"0.5"), "text"),
        (["a", "b"], "text"),
        (1 + 2j, "values of type complex128"),
        (True, "values of type bool"),
        (np.zeros(2, dtype=[("loss", "f8")]), r"values of type \[\('loss'"),
    ],
    ids=["text", "fixed text", "texts", "complex", "bool", "compound"],
)
@pytest.mark.parametrize("place", ["dataset", "attribute"])
def test_what_is_no_number_is_named(
    tmp_path: Path, stored: Any, found: str, place: str
) -> None:
    path = write_foreign(tmp_path, loss=0 if place == "attribute" else stored)
    if place == "attribute":
        with h5py.File(path, "a") as h5:
            h5["loss"].attrs["x"] = stored
    address = "/loss@x" if place == "attribute" else "/loss"
    with pytest.raises(
        MetricError, match=rf"result\.h5: {address}: expected numbers, found {found}"
    ):
        fetch(tmp_path, dataset=address, reduce="last")


@pytest.mark.parametrize(
    ("stored", "reduce", "message"),
    [
        ([1.0, 2.0], None, r"/loss: expected one value, found shape \(2,\)"),
        ([], "last", r"/loss: expected at least one value, found shape \(0,\)"),
        (h5py.Empty("f8"), None, r"expected at least one value, found shape None"),
        (np.ones((2, 3)), "min", r"one value or one dimension, found shape \(2, 3\)"),
        ([1.0, 2.0], 2, r"expected a value at index 2, found 2"),
        ([1.0, 2.0], -3, r"expected a value at index -3, found 2"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(
    tmp_path: Path, stored: Any, reduce: Any, message: str
) -> None:
    write_foreign(tmp_path, loss=stored)
    with pytest.raises(MetricError, match=message):
        fetch(tmp_path, reduce=reduce)


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ({"sem": -0.1}, r"/sem: expected a standard error of 0 or more, found -0\.1"),
        ({"sem": np.nan}, r"/sem: expected a standard error of 0 or more, found nan"),
        (
            {"sem": [0.1, 0.2, 0.3]},
            r"/sem: expected 1 value or 2, as in /loss, found 3",
        ),
        ({"sem": "small"}, r"/sem: expected numbers, found text"),
        ({"step": 1.5}, r"/step: expected a whole number, found 1\.5"),
        ({"step": np.nan}, r"/step: expected a whole number, found nan"),
    ],
)
def test_what_stands_beside_the_value_is_checked_too(
    tmp_path: Path, beside: dict[str, Any], message: str
) -> None:
    write_foreign(tmp_path, loss=[1.0, 2.0], **beside)
    with pytest.raises(MetricError, match=message):
        fetch(tmp_path, reduce="last", **{key: f"/{key}" for key in beside})


# Where it is


def test_a_missing_dataset_of_a_complete_file_is_an_error_that_lists_the_others(
    tmp_path: Path,
) -> None:
    write_ours(tmp_path)
    with pytest.raises(
        MetricError, match=r"result\.h5: expected /run/f1, found datasets /loss$"
    ):
        fetch(tmp_path, dataset="/run/f1")


def test_a_missing_dataset_of_a_foreign_file_may_still_come(tmp_path: Path) -> None:
    write_foreign(tmp_path, accuracy=1.0, step=1)
    with pytest.raises(
        ResultNotReadyError, match=r"expected /loss, found datasets /accuracy, /step"
    ):
        fetch(tmp_path)


def test_at_most_ten_datasets_are_listed(tmp_path: Path) -> None:
    write_foreign(tmp_path, **{f"m{number:02}": 1.0 for number in range(30)})
    with pytest.raises(ResultNotReadyError, match=r"/m00, .*, /m09, …$"):
        fetch(tmp_path)


def test_a_missing_attribute_lists_the_others(tmp_path: Path) -> None:
    with h5py.File(write_ours(tmp_path), "a") as h5:
        h5["loss"].attrs["unit"] = 1
    with pytest.raises(MetricError, match=r"expected /loss@sem, found .*unit"):
        fetch(tmp_path, dataset="/loss@sem")


def test_a_group_is_no_dataset(tmp_path: Path) -> None:
    write_foreign(tmp_path, **{"run/loss": 1.0})
    with pytest.raises(MetricError, match=r"/run: expected a dataset, found a group"):
        fetch(tmp_path, dataset="/run")


def test_a_dataset_is_no_group(tmp_path: Path) -> None:
    write_foreign(tmp_path, loss=1.0)
    with pytest.raises(ResultNotReadyError, match=r"expected /loss/x, found"):
        fetch(tmp_path, dataset="/loss/x")


@pytest.mark.parametrize(
    ("link", "target"),
    [("alias", "/deep/loss"), ("deep/alias", "loss"), ("a", "b")],
    ids=["absolute", "relative", "two links"],
)
def test_a_soft_link_inside_the_file_is_followed(
    tmp_path: Path, link: str, target: str
) -> None:
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        h5["deep/loss"] = 0.5
        h5[link] = h5py.SoftLink(target)
        if link == "a":
            h5["b"] = h5py.SoftLink("/deep/loss")
    assert fetch(tmp_path, dataset=link) == (0, 0.5)


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        h5["loss"] = h5py.SoftLink("/other")
        h5["other"] = h5py.SoftLink("/loss")
    with pytest.raises(MetricError, match="its links lead in a circle"):
        fetch(tmp_path)


@pytest.mark.parametrize("through", ["", "/alias", "/group/loss"])
def test_a_link_to_another_file_is_refused(tmp_path: Path, through: str) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as h5:
        h5["loss"] = 0.5
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        h5["loss"] = h5py.ExternalLink("other.h5", "/loss")
        h5["alias"] = h5py.SoftLink("/loss")
        h5["group"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(MetricError, match=r"inside the file, found a link to 'other"):
        fetch(tmp_path, dataset=through or "/loss")


def test_a_virtual_dataset_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as h5:
        h5["loss"] = [0.5]
    layout = h5py.VirtualLayout(shape=(1,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "loss", shape=(1,))
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        h5.create_virtual_dataset("loss", layout)
    with pytest.raises(MetricError, match="takes them from other files"):
        fetch(tmp_path)


def test_values_in_a_raw_file_beside_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "loss.raw"
    raw.write_bytes(np.float64(0.5).tobytes())
    with h5py.File(tmp_path / "result.h5", "w") as h5:
        h5.create_dataset("loss", (1,), "f8", external=[(os.fspath(raw), 0, 8)])
    with pytest.raises(MetricError, match="takes them from other files"):
        fetch(tmp_path)


# The file


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    attempt = tmp_path / "attempt"
    outside.mkdir()
    attempt.mkdir()
    path = write_foreign(outside, loss=0.5)
    (attempt / "result.h5").symlink_to(path)
    with pytest.raises(MetricError, match=r"inside the attempt's folder, found .*outs"):
        fetch(attempt)


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    write_foreign(tmp_path, loss=0.5).rename(tmp_path / "final.h5")
    (tmp_path / "result.h5").symlink_to("final.h5")
    assert fetch(tmp_path) == (0, 0.5)


def test_a_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write_foreign(tmp_path / "real", loss=0.5)
    (tmp_path / "link").symlink_to("real")
    assert fetch(tmp_path / "link") == (0, 0.5)


def test_a_missing_file_is_not_ready_and_the_folder_is_listed(tmp_path: Path) -> None:
    (tmp_path / "log.txt").touch()
    with pytest.raises(
        ResultNotReadyError,
        match=r"result\.h5: No such file .*; the folder holds log\.txt",
    ):
        fetch(tmp_path)


def test_a_missing_folder_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(
        ResultNotReadyError, match=r"result\.h5: cannot list the folder: No"
    ):
        fetch(tmp_path / "absent")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.h5").mkdir()
    with pytest.raises(MetricError, match="expected a file, found a folder"):
        fetch(tmp_path)


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "result.h5")
    with pytest.raises(MetricError, match="expected a file, found a special file"):
        fetch(tmp_path)


@pytest.mark.parametrize("content", [b"", b"loss=0.5\n", bytes(4096)])
def test_a_file_that_is_no_hdf5_is_not_ready(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "result.h5").write_bytes(content)
    with pytest.raises(ResultNotReadyError, match="expected a whole HDF5 file"):
        fetch(tmp_path)


def test_a_link_to_itself_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "result.h5").symlink_to("result.h5")
    with pytest.raises(ResultNotReadyError, match="Too many levels of symbolic links"):
        fetch(tmp_path)


def test_a_file_too_large_for_memory_is_read_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_file, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(attempt_file, "_END_BYTES", 100)
    path = write_foreign(tmp_path, loss=[0.5] * 1000)
    assert attempt_file.read_attempt_file(tmp_path, "result.h5").source == path
    assert fetch(tmp_path, reduce="last") == (0, 0.5)


# Our own files


def test_our_own_file_is_read(tmp_path: Path) -> None:
    write_ours(tmp_path)
    assert fetch(tmp_path) == (0, 0.5)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({ATTEMPT: 0}, "attempt 0 of trial 3"),
        ({TRIAL: 2}, "attempt 1 of trial 2"),
        ({TRIAL: "3"}, "attempt 1 of trial b'3'"),
    ],
    ids=["attempt", "trial", "text"],
)
def test_the_file_of_another_attempt_is_refused(
    tmp_path: Path, changes: dict[str, Any], found: str
) -> None:
    write_ours(tmp_path, **changes)
    with pytest.raises(
        MetricError,
        match=rf"expected a file written by attempt 1 of trial 3, found one .* {found}",
    ):
        fetch(tmp_path)


@pytest.mark.parametrize("mark", [TRIAL, ATTEMPT])
def test_a_file_that_does_not_say_who_wrote_it_is_refused(
    tmp_path: Path, mark: str
) -> None:
    with h5py.File(write_ours(tmp_path), "a") as h5:
        del h5.attrs[mark]
    with pytest.raises(MetricError, match=r"found one written by attempt .*None"):
        fetch(tmp_path)


def test_a_file_that_is_not_complete_is_not_ready(tmp_path: Path) -> None:
    write_ours(tmp_path, **{COMPLETE: 0})
    with pytest.raises(ResultNotReadyError, match="has not finished writing it"):
        fetch(tmp_path)


def test_a_file_without_the_mark_of_completeness_is_not_ready(tmp_path: Path) -> None:
    with h5py.File(write_ours(tmp_path), "a") as h5:
        del h5.attrs[COMPLETE]
    with pytest.raises(ResultNotReadyError, match="has not finished writing it"):
        fetch(tmp_path)


def test_values_other_than_those_written_are_not_ready(tmp_path: Path) -> None:
    with h5py.File(write_ours(tmp_path), "a") as h5:
        h5["loss"][()] = 0.0
    with pytest.raises(ResultNotReadyError, match="expected the values whose SHA-256"):
        fetch(tmp_path)


def _damaged(whole: bytes, kind: str, at: int) -> bytes:
    match kind:
        case "cut off":
            return whole[:at]
        case "zeros from there on":
            return whole[:at] + bytes(len(whole) - at)
        case "a page of zeros":
            return (whole[:at] + bytes(512) + whole[at + 512 :])[: len(whole)]
        case _:
            return whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]


@pytest.mark.parametrize(
    "kind", ["cut off", "zeros from there on", "a page of zeros", "one bit"]
)
def test_no_damage_to_our_own_file_changes_a_value(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        f"m{number}": rng.normal(1.0, size=()) for number in range(12)
    }
    values |= {"curve": rng.normal(5.0, size=400), "step": np.arange(400)}
    path = tmp_path / "result.h5"
    write_result(path, values, MARKS)
    whole = path.read_bytes()
    metrics = [
        Hdf5Metric("a", dataset="/m2"),
        Hdf5Metric("b", dataset="/m11"),
        Hdf5Metric("c", dataset="/curve", reduce="min", step="/step"),
        Hdf5Metric("d", dataset="/curve", reduce="mean"),
    ]
    metadata = {"folder": str(tmp_path), "attempt": 1}
    truth = [metric.fetch(trial_index=3, trial_metadata=metadata) for metric in metrics]
    n_refused = 0
    for at in range(0, len(whole), len(whole) // 120):
        path.write_bytes(_damaged(whole, kind, at))
        for metric, expected in zip(metrics, truth, strict=True):
            try:
                found = metric.fetch(trial_index=3, trial_metadata=metadata)
            except ResultNotReadyError:
                n_refused += 1
            else:
                assert found == expected, f"{kind} at byte {at}"
    assert n_refused > 0


def test_a_result_replaces_the_one_before_and_leaves_nothing_else(
    tmp_path: Path,
) -> None:
    write_ours(tmp_path, **{COMPLETE: 0})
    write_ours(tmp_path)
    assert fetch(tmp_path) == (0, 0.5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.h5"]


def test_a_result_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = write_ours(tmp_path)
    with pytest.raises(TypeError, match="Object dtype"):
        write_result(path, {"loss": np.asarray([object()])}, MARKS)
    assert fetch(tmp_path) == (0, 0.5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.h5"]


# Arguments


@pytest.mark.parametrize("file", ["/tmp/result.h5", "../result.h5", "a/../../b.h5", ""])
def test_a_file_outside_the_folder_is_refused_at_once(file: str) -> None:
    with pytest.raises(ConfigError, match="metric 'loss': expected a file inside"):
        Hdf5Metric("loss", file=file, dataset="/loss")


@pytest.mark.parametrize("key", ["dataset", "sem", "step"])
@pytest.mark.parametrize("address", ["", "/", "/run@"])
def test_an_empty_address_is_refused(key: str, address: str) -> None:
    arguments: dict[str, Any] = {"dataset": "/loss", key: address}
    with pytest.raises(ConfigError, match=rf"metric 'loss': {key}: expected a dataset"):
        Hdf5Metric("loss", **arguments)


@pytest.mark.parametrize("reduce", ["median", True, 1.5])
def test_an_unknown_reduction_is_refused(reduce: Any) -> None:
    with pytest.raises(ConfigError, match="reduce: expected one of last, first, min"):
        Hdf5Metric("loss", dataset="/loss", reduce=reduce)


def test_metadata_without_a_folder_is_named() -> None:
    with pytest.raises(MetricError, match=r"metadata to hold .*found \{'pid': 1\}"):
        Hdf5Metric("loss", dataset="/loss").fetch(
            trial_index=0, trial_metadata={"pid": 1}
        )


def test_a_runner_without_attempts_is_checked_for_the_trial_alone(
    tmp_path: Path,
) -> None:
    write_ours(tmp_path)
    metric = Hdf5Metric("loss", dataset="/loss")
    metadata = {"folder": str(tmp_path)}
    assert metric.fetch(trial_index=3, trial_metadata=metadata) == (0, 0.5)
    with pytest.raises(MetricError, match="expected a file written by trial 4, found"):
        metric.fetch(trial_index=4, trial_metadata=metadata)

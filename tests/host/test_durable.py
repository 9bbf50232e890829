"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcopt.host.durable import (
    create_durably,
    make_folder_durably,
    replace_durably,
    replace_quickly,
    sync_folder,
    write_text_durably,
)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of what is synced, as far as that has come."""
    names: list[str] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        names.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    return names


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    write_text_durably(path, "one\n", mode=0o755)
    write_text_durably(path, "two, caf\u00e9 and \udcff\n", mode=0o755)
    assert path.read_bytes() == b"two, caf\xc3\xa9 and \xff\n"
    assert path.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_mode_the_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text_durably(tmp_path / "text", "")
        replace_durably(tmp_path / "data", lambda path: None)
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {0o640}


def test_the_file_is_synced_under_its_temporary_name_and_then_the_folder(
    tmp_path: Path, synced: list[str]
) -> None:
    write_text_durably(tmp_path / "a", "")
    replace_durably(tmp_path / "b", lambda path: None)
    create_durably(tmp_path / "c", b"")
    write_text_durably(tmp_path / "d", "", sync_parent=False)
    create_durably(tmp_path / "e", b"", sync_parent=False)
    folder = tmp_path.name
    kinds = [name[:3] if name.startswith(".") else name for name in synced]
    assert kinds == [".a.", folder, ".b.", folder, "c", folder, ".d.", "e"]


def test_what_a_writer_does_by_name_is_what_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("before")

    def write(temporary: Path) -> None:
        assert temporary.parent == tmp_path
        assert temporary.read_bytes() == b""
        assert path.read_text() == "before"
        temporary.write_text("after")

    replace_durably(path, write)
    assert path.read_text() == "after"


def test_no_two_writers_share_a_temporary_name(tmp_path: Path) -> None:
    path = tmp_path / "data"

    def write(temporary: Path) -> None:
        temporary.write_text("outer")
        write_text_durably(path, "inner")  # as another host may, with the same pid
        assert temporary.read_text() == "outer"

    replace_durably(path, write)
    assert path.read_text() == "outer"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text_durably(path, "after"),
        lambda path: replace_durably(path, lambda name: None),
        lambda path: create_durably(path.with_name("new"), b"after"),
    ],
)
def test_a_write_that_fails_leaves_all_as_it_was(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "before"


def test_a_file_that_is_there_is_not_created_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(FileExistsError, match="file"):
        create_durably(path, b"after")
    assert path.read_text() == "before"


def test_all_of_it_is_written_where_one_call_takes_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    write_text_durably(tmp_path / "file", "seven letters and more")
    assert (tmp_path / "file").read_text() == "seven letters and more"


def test_a_new_folder_is_made_durable_in_the_one_above(
    tmp_path: Path, synced: list[str]
) -> None:
    make_folder_durably(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert sorted(synced) == sorted([tmp_path.name, "a"])
    synced.clear()
    make_folder_durably(tmp_path / "a" / "b")
    assert synced == []


def test_a_folder_that_is_none_cannot_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        sync_folder(tmp_path / "file")


def test_what_can_be_made_again_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[str]
) -> None:
    replace_quickly(tmp_path / "file", b"before", mode=0o600)
    replace_quickly(tmp_path / "file", b"after", mode=0o640)
    assert (tmp_path / "file").read_bytes() == b"after"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert synced == []
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            replace_quickly(tmp_path / "file", b"never", mode=0o640)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"after"

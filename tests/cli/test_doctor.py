"""What the doctor finds."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from hpcopt.cli.checks.shared_folder import check_folder
from hpcopt.core.errors import PollError
from hpcopt.slurm import site
from tests.support.cli_world import hpcopt


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "is_available", lambda commands=None: False)


def test_a_good_folder_is_well_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    text = hpcopt("doctor", tmp_path).stdout
    assert "✗" not in text
    for what in ("python", "torch", "slurm", "rename", "link", "clock", "hdf5"):
        assert f"✓ {what} " in text
    assert list(tmp_path.iterdir()) == []


def test_the_findings_as_json(tmp_path: Path) -> None:
    findings = json.loads(hpcopt("doctor", tmp_path, "--json").stdout)
    assert {tuple(finding) for finding in findings} == {
        ("check", "ok", "found", "section")
    }
    assert {finding["section"] for finding in findings} == {
        "versions",
        "slurm",
        "folder",
    }


def test_a_folder_without_hard_links_is_reported_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    text = hpcopt("doctor", tmp_path, code=1).stdout
    assert "✗ link       Operation not permitted: put experiments on another" in text
    assert "✓ exclusive" in text


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (finding,) = check_folder(tmp_path / "none")
    assert not finding.is_well
    assert "choose another one" in finding.text


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert "expected a folder" in hpcopt("doctor", tmp_path / "none", code=2).stderr


def test_an_hdf5_library_that_hangs_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 60)

    monkeypatch.setattr(subprocess, "run", hang)
    text = hpcopt("doctor", tmp_path, code=1).stdout
    assert "✗ hdf5       it hangs" in text
    assert "HDF5_USE_FILE_LOCKING=FALSE" in text


def test_a_slurm_without_accounting_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = site.Site("23.11", False, 1001, 10, 300, ("main", "gpu"))
    monkeypatch.setattr(site, "is_available", lambda commands=None: True)
    monkeypatch.setattr(site, "describe", lambda commands: found)
    text = hpcopt("doctor", tmp_path).stdout
    assert "version 23.11" in text
    assert "known for 5 min 00 s only" in text
    assert "main, gpu" in text


def test_a_slurm_that_does_not_answer_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(commands: object) -> None:
        raise PollError("slurmctld is down")

    monkeypatch.setattr(site, "is_available", lambda commands=None: True)
    monkeypatch.setattr(site, "describe", fail)
    assert "✗ slurm      slurmctld is down" in hpcopt("doctor", tmp_path, code=1).stdout

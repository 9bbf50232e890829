"""``hpcopt doctor``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from click.exceptions import Exit

from hpcopt.cli.checks.shared_folder import DoctorFinding, check_folder
from hpcopt.cli.crash import PACKAGES, version_of
from hpcopt.cli.target import examples, json_option
from hpcopt.cli.views import text
from hpcopt.core.errors import PollError, UsageError

#: Run in a process of its own: a broken HDF5 library or file lock may hang or crash it.
_HDF5_PROGRAM = """\
import sys
import h5py
path = sys.argv[1]
with h5py.File(path, "w") as file:
    file["x"] = [1.0, 2.0]
with h5py.File(path, "r") as file:
    assert file["x"][1] == 2.0
print(h5py.version.hdf5_version)
"""

_HDF5_TIMEOUT_S = 60


@click.command(epilog=examples("hpcopt doctor", "hpcopt doctor /scratch/me"))
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Check what hpcopt needs of this machine.

    Looks for Slurm, tries the file system of FOLDER (by default the current folder) and
    prints the versions that results depend on. Experiments belong in a folder that the
    login node and all compute nodes share.
    """
    place = (folder or Path()).absolute()
    if not place.is_dir():
        raise UsageError(f"{place}: expected a folder")
    sections = {
        "versions": _versions(),
        "slurm": _slurm(),
        "folder": _folder(place),
    }
    found: dict[str, list[DoctorFinding]] = {}
    for section, findings in sections.items():
        found[section] = []
        for finding in findings:
            found[section].append(finding)
            if not as_json:
                _print(finding)
    everything = [finding for findings in found.values() for finding in findings]
    if as_json:
        text.print_json(
            [
                {"check": f.what, "ok": f.is_well, "found": f.text, "section": section}
                for section, findings in found.items()
                for f in findings
            ]
        )
    if not all(finding.is_well for finding in everything):
        raise Exit(1)


def _print(finding: DoctorFinding) -> None:
    mark = (
        click.style("✓", fg="green") if finding.is_well else click.style("✗", fg="red")
    )
    click.echo(f"{mark} {finding.what:<11}{finding.text}")


def _versions() -> Iterator[DoctorFinding]:
    yield DoctorFinding("python", True, sys.version.split()[0])
    for package in PACKAGES:
        version = version_of(package)
        advice = f"not installed; install it with: pip install {package}"
        yield DoctorFinding(package, version is not None, version or advice)


def _slurm() -> Iterator[DoctorFinding]:
    from hpcopt.slurm import site
    from hpcopt.slurm.commands import SlurmCommands

    commands = SlurmCommands()
    if not site.is_available(commands):
        yield DoctorFinding(
            "slurm",
            True,
            "no Slurm answers here; trials run as processes of this machine",
        )
        return
    try:
        found = site.describe(commands)
    except PollError as exc:
        yield DoctorFinding(
            "slurm", False, f"{text.one_line(str(exc))}; try again later"
        )
        return
    yield DoctorFinding("slurm", True, f"version {found.version}")
    accounting = (
        "jobs that have ended can be asked about for long"
        if found.has_accounting
        else "none: how a job ended is known for "
        f"{text.duration(found.min_job_age_s)} only, keep the driver running"
    )
    yield DoctorFinding("accounting", True, accounting)
    yield DoctorFinding(
        "partitions", bool(found.partitions), ", ".join(found.partitions)
    )
    yield DoctorFinding(
        "limits",
        True,
        f"arrays of up to {found.max_array_size} tasks, messages time out after "
        f"{found.message_timeout_s} s",
    )


def _folder(folder: Path) -> Iterator[DoctorFinding]:
    n_bad = 0
    for finding in check_folder(folder):
        n_bad += not finding.is_well
        yield finding
    if not n_bad:
        yield _hdf5(folder)


def _hdf5(folder: Path) -> DoctorFinding:
    with TemporaryDirectory(prefix=".hpcopt-doctor-", dir=folder) as scratch:
        words = [sys.executable, "-c", _HDF5_PROGRAM, str(Path(scratch) / "x.h5")]
        try:
            done = subprocess.run(
                words,
                check=False,
                capture_output=True,
                text=True,
                timeout=_HDF5_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return DoctorFinding("hdf5", False, f"it hangs: {_HDF5_ADVICE}")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it crashed"])[-1]
        return DoctorFinding("hdf5", False, f"{last}; {_HDF5_ADVICE}")
    return DoctorFinding(
        "hdf5", True, f"{done.stdout.strip()}, a file is written and read"
    )


_HDF5_ADVICE = (
    "if it is about locks, set HDF5_USE_FILE_LOCKING=FALSE in your shell and under "
    "job.environment"
)

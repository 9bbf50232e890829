from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run"]
COMMANDS = [path for path in SCRIPTS if path.parent.name == "scripts"]
COMMANDS = [path for path in COMMANDS if not path.name.startswith("_")]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath + ":/usr/sbin:/sbin", **environment},
        timeout=30,
    )


def canonical(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement.strip())
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_valid_bash(script: Path) -> None:
    result = run("/bin/bash", "-n", script)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.name)
def test_help_is_the_usage_and_does_nothing_else(script: Path) -> None:
    result = run(script, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: scripts/{script.name}")


def test_run_refuses_a_config_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    result = run(ROOT / "scripts" / "run", missing)
    assert (result.returncode, result.stderr) == (
        2,
        f"run: there is no config {missing}.\n",
    )


def test_run_refuses_a_config_that_needs_an_unknown_command(tmp_path: Path) -> None:
    config = tmp_path / "config with space.yaml"
    config.write_text("# needs: no-such-command\nname: a\n")
    result = run(ROOT / "scripts" / "run", config)
    assert result.returncode == 2
    assert result.stderr == (
        "The command no-such-command is needed, and is not on PATH.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected up, status, env or down, found ''"),
        (("start",), "expected up, status, env or down, found 'start'"),
        (("up", "--nodes"), "--nodes takes a number from 1 to 999, found ''"),
        (("up", "--nodes", "0"), "--nodes takes a number from 1 to 999, found '0'"),
        (("down", "--nodes", "2"), "down does not know --nodes"),
    ],
    ids=["no verb", "another verb", "no number", "zero", "an option of up"],
)
def test_slurm_dev_refuses_what_it_does_not_know(
    arguments: tuple[str, ...], message: str
) -> None:
    result = run(ROOT / "scripts" / "slurm-dev", *arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_slurm_dev_leaves_nothing_where_nothing_was_started(tmp_path: Path) -> None:
    state = tmp_path / "state"
    script = ROOT / "scripts" / "slurm-dev"
    for verb, status in [("status", 1), ("env", 1), ("down", 0)]:
        result = run(script, verb, HPCOPT_SLURM_DEV=str(state))
        assert (result.returncode, result.stdout) == (status, "")
        assert f"o Slurm has been started in {state}" in result.stderr
    assert not state.exists()


def test_every_requirement_has_one_exact_version_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = setup["options"]["install_requires"].split("\n")
    for extra in setup["options.extras_require"].values():
        wanted += extra.split("\n")
    required = {canonical(line) for line in wanted if line}
    pinned = [canonical(line) for line in pins]
    assert required - set(pinned) == {"hpcopt"}  # an extra in another
    assert len(pinned) == len(set(pinned))

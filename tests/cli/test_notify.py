"""A run that tells a person, from the config to the command's standard input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config

NOTIFY = """
notify:
  command: [sh, -c, 'cat > told-$HPCOPT_EVENT; echo "$HPCOPT_N_FAILED" >> facts']
  on: [end, pause]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = make_config(tmp_path)
    path.write_text(path.read_text() + NOTIFY)
    return path


def test_the_end_is_told_and_by_a_second_run_not_again(config: Path) -> None:
    hpcopt("run", config, "--quiet")
    told = config.parent / "told-end"
    lines = told.read_text().splitlines()
    assert lines[0] == "tiny: all 3 trials have ended"
    assert f"folder       {config.parent / 'out'}" in lines
    assert "trials       3 of 3: 3 completed" in lines
    assert (config.parent / "facts").read_text() == "0\n"

    told.unlink()
    hpcopt("run", config, "--quiet")
    assert not told.exists()
    change(config, "max_trials: 3", "max_trials: 4")
    hpcopt("run", config, "--quiet")
    assert told.read_text().startswith("tiny: all 4 trials have ended")


def test_a_run_that_gives_up_is_a_pause(config: Path) -> None:
    (config.parent / "fails").touch()
    change(config, "max_trials: 3", "max_trials: 30")
    hpcopt("run", config, "--quiet", code=1)
    told = (config.parent / "told-pause").read_text()
    assert "in the same way" in told.splitlines()[0]
    assert "failed" in told
    assert "hpcopt run CONFIG goes on" in told
    assert not (config.parent / "told-end").exists()


def test_a_command_that_fails_stops_nothing(config: Path) -> None:
    change(config, "cat >", "cat > /no/such/folder/told; exit 7; cat >")
    result = hpcopt("run", config, "--quiet")
    assert result.stderr.count("nobody was told") == 1
    assert "exit code 7" in result.stderr
    assert "3 completed" in hpcopt("status", config).stdout
    assert "nobody was told" in (config.parent / "out" / "driver.log").read_text()


def test_check_looks_for_the_command(config: Path) -> None:
    found = hpcopt("check", config).stdout
    assert "✓ notify    on end, pause: sh -c" in found
    change(config, "[sh, -c,", "[no-such-mailer,")
    found = hpcopt("check", config).stdout
    assert (
        "? notify    notify.command: there is no program no-such-mailer here; nobody "
        "would be told"
    ) in found
    change(config, "[no-such-mailer,", "[./tell.sh,")
    assert "./tell.sh is not an executable file" in hpcopt("check", config).stdout
    script = config.parent / "tell.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert "✓ notify    on end, pause: ./tell.sh" in hpcopt("check", config).stdout

from __future__ import annotations

import dataclasses
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.goals import parse_goals
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.service.server import read_request, write_request
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

#: Longer than anything here takes; reached only by a test that fails.
LONG_S = 120.0

BEGUN = snapshot(SQUARE)
GROWN = snapshot(SQUARE, observed(sobol_points(SQUARE, 6), bowl))


SOBOL = GeneratorSpec(method="sobol")


@pytest.fixture
def python_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put a shell script in the place of the generator's process."""

    def replace(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return replace


def _wait_for_end(pid: int) -> bool:
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], LONG_S)[0])
    finally:
        os.close(descriptor)


def test_a_second_request_is_a_mistake(tmp_path: Path) -> None:
    service = ProcessService(tmp_path / "log", SOBOL)
    service.request(1, BEGUN)
    with pytest.raises(RuntimeError, match="collect its answer first"):
        service.request(1, BEGUN)
    service.close()


def test_a_snapshot_keeps_its_goals_on_the_way_to_the_process() -> None:
    constrained = dataclasses.replace(
        GROWN, goals=parse_goals("-loss", ["0.5*a - b >= 0.25", "c <= 3"])
    )
    _, received, _ = read_request(write_request(1, constrained))
    assert received == constrained


@pytest.mark.slow
def test_the_process_answers_like_the_generator_itself(tmp_path: Path) -> None:
    service = ProcessService(tmp_path / "log", GeneratorSpec(n_initial=6))
    for now in (BEGUN, GROWN):
        service.request(2, now)
        answer = service.collect(LONG_S)
        assert answer is not None
        expected = BayesianGenerator(n_initial=6).generate(2, now)
        assert answer.suggestions == expected.suggestions
        assert not service.is_busy
    service.close()


def test_the_process_is_kind_and_in_its_own_session(tmp_path: Path) -> None:
    service = ProcessService(tmp_path / "log", SOBOL)
    pid = service._process.pid
    service.request(1, GROWN)
    answer = service.collect(LONG_S)
    assert answer is not None
    assert answer.suggestions[0].method == "sobol"
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) >= os.getpriority(os.PRIO_PROCESS, 0)
    threads = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=1" in threads
    service.close()


def test_an_error_of_the_generator_passes_the_pipe(
    python_is: Callable[[str], None], tmp_path: Path
) -> None:
    python_is("""read line; echo '{"error": "no luck"}'; read line""")
    service = ProcessService(tmp_path / "log")
    service.request(1, BEGUN)
    with pytest.raises(GenerationError, match="no luck"):
        service.collect(LONG_S)
    assert not service.is_busy
    service.close()


def test_a_dead_process_leaves_its_last_words(
    python_is: Callable[[str], None], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("of another time\n")
    python_is("read line; echo 'no such module' >&2; exit 3")
    service = ProcessService(log)
    service.request(1, BEGUN)
    with pytest.raises(GenerationError, match=r"exit code 3 .*\nno such module$"):
        service.collect(LONG_S)
    assert not service.is_busy
    assert log.read_text() == "of another time\nno such module\n"
    service.close()


def test_a_process_that_died_is_replaced_at_the_next_request(tmp_path: Path) -> None:
    service = ProcessService(tmp_path / "log", SOBOL)
    os.kill(service._process.pid, signal.SIGKILL)
    assert _wait_for_end(service._process.pid)
    service.request(1, BEGUN)
    answer = service.collect(LONG_S)
    assert answer is not None
    assert answer.suggestions[0].method == "center"
    service.close()


def test_a_process_that_does_not_read_holds_nobody_up(
    python_is: Callable[[str], None], tmp_path: Path
) -> None:
    python_is("exec sleep 1000")
    service = ProcessService(tmp_path / "log")
    pid = service._process.pid
    larger_than_a_pipe = snapshot(SQUARE, observed(sobol_points(SQUARE, 2000), bowl))
    service.request(1, larger_than_a_pipe)
    assert service.collect(0.0) is None
    assert service.is_busy
    service.close()
    assert not service.is_busy
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_a_request_larger_than_a_pipe_arrives(tmp_path: Path) -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 2000), bowl))
    service = ProcessService(tmp_path / "log", SOBOL)
    service.request(1, now)
    answer = service.collect(LONG_S)
    assert answer is not None
    assert answer.position == now.position
    service.close()


def test_the_process_ends_when_its_driver_is_killed(tmp_path: Path) -> None:
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from hpcopt.generation.service.process_service import ProcessService\n"
            f"service = ProcessService(Path({str(tmp_path / 'log')!r}))\n"
            "print(service._process.pid, flush=True)\n"
            "time.sleep(1000)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    pid = int(driver.stdout.readline())
    driver.kill()
    driver.wait()
    driver.stdout.close()
    assert _wait_for_end(pid)

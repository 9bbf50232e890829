"""What a script's driver takes for a request to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from hpcopt.api.stop_control import ScriptControl
from hpcopt.driver.control import STOP_REQUEST, request_stop


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def wakes() -> list[None]:
    return []


@pytest.fixture
def control(tmp_path: Path, wakes: list[None]) -> ScriptControl:
    return ScriptControl(tmp_path, lambda: wakes.append(None))


def test_the_first_ctrl_c_is_a_request_and_is_raised_at_the_end(
    control: ScriptControl, wakes: list[None]
) -> None:
    reasons: list[str | None] = []

    def run() -> None:
        with control.handle_signals():
            reasons.append(control.reason())
            signal.raise_signal(signal.SIGINT)
            reasons.append(control.reason())

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reasons == [None, "interrupted"]
    assert len(wakes) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_is_raised_at_once(control: ScriptControl) -> None:
    reached: list[str] = []

    def run() -> None:
        with control.handle_signals():
            signal.raise_signal(signal.SIGINT)
            reached.append("after the first")
            signal.raise_signal(signal.SIGINT)
            reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reached == ["after the first"]


def test_without_ctrl_c_nothing_is_raised(control: ScriptControl) -> None:
    with control.handle_signals():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert control.reason() is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_error_is_not_hidden_by_an_interrupt(control: ScriptControl) -> None:
    def run() -> None:
        with control.handle_signals():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("the error")

    with pytest.raises(ValueError, match="the error"):
        run()


def test_a_handler_of_the_user_stays_in_place(control: ScriptControl) -> None:
    caught = []

    def handler(signum: int, frame: FrameType | None) -> None:
        caught.append(signum)

    signal.signal(signal.SIGINT, handler)
    with control.handle_signals():
        signal.raise_signal(signal.SIGINT)
        assert control.reason() is None
    assert caught == [signal.SIGINT]


def test_no_other_signal_is_taken_from_the_script(control: ScriptControl) -> None:
    others = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]
    before = [signal.getsignal(number) for number in others]
    with control.handle_signals():
        assert [signal.getsignal(number) for number in others] == before


def test_another_thread_than_the_main_one_is_let_alone(
    control: ScriptControl,
) -> None:
    def run() -> None:
        with control.handle_signals():
            reasons.append(control.reason())

    reasons: list[str | None] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert reasons == [None]


def test_a_file_in_the_folder_is_a_request_that_raises_nothing(
    control: ScriptControl, tmp_path: Path
) -> None:
    with control.handle_signals():
        assert control.reason() is None
        request_stop(tmp_path)
        assert str(control.reason()).startswith("asked to stop by ")
        assert not (tmp_path / STOP_REQUEST).exists()
        assert str(control.reason()).startswith("asked to stop by ")


def test_a_file_that_was_meant_for_an_earlier_driver_is_discarded(
    tmp_path: Path,
) -> None:
    request_stop(tmp_path)
    control = ScriptControl(tmp_path, lambda: None)
    control.discard_old_request()
    assert control.reason() is None
    assert not (tmp_path / STOP_REQUEST).exists()

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from hpcopt.api.interrupts import orderly_interrupt


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_ctrl_c_is_a_request_and_is_raised_at_the_end() -> None:
    wakes: list[None] = []
    reasons: list[str | None] = []

    def run() -> None:
        with orderly_interrupt(lambda: wakes.append(None)) as reason:
            reasons.append(reason())
            signal.raise_signal(signal.SIGINT)
            reasons.append(reason())

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reasons == [None, "interrupted"]
    assert len(wakes) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_is_raised_at_once() -> None:
    reached: list[str] = []

    def run() -> None:
        with orderly_interrupt(lambda: None):
            signal.raise_signal(signal.SIGINT)
            reached.append("after the first")
            signal.raise_signal(signal.SIGINT)
            reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reached == ["after the first"]


def test_without_ctrl_c_nothing_is_raised() -> None:
    with orderly_interrupt(lambda: None) as reason:
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert reason() is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_error_is_not_hidden_by_an_interrupt() -> None:
    def run() -> None:
        with orderly_interrupt(lambda: None):
            signal.raise_signal(signal.SIGINT)
            raise ValueError("the error")

    with pytest.raises(ValueError, match="the error"):
        run()


def test_a_handler_of_the_user_stays_in_place() -> None:
    caught = []

    def handler(signum: int, frame: FrameType | None) -> None:
        caught.append(signum)

    signal.signal(signal.SIGINT, handler)
    with orderly_interrupt(lambda: None) as reason:
        signal.raise_signal(signal.SIGINT)
        assert reason() is None
    assert caught == [signal.SIGINT]


def test_another_thread_than_the_main_one_is_let_alone() -> None:
    def run() -> None:
        with orderly_interrupt(lambda: None) as reason:
            reasons.append(reason())

    reasons: list[str | None] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert reasons == [None]

"""Requests to stop a driver."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from hpcopt.core.errors import StorageError
from hpcopt.driver.control import STOP_REQUEST, StopControl, request_stop


def test_without_a_request_there_is_no_reason_to_stop(tmp_path: Path) -> None:
    control = StopControl(tmp_path)
    assert control.reason() is None
    assert not control.shall_cancel
    assert control.signal is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_the_second_one_cancels(
    number: signal.Signals, tmp_path: Path
) -> None:
    n_wakes = 0

    def wake() -> None:
        nonlocal n_wakes
        n_wakes += 1

    control = StopControl(tmp_path, wake)
    with control.handle_signals():
        signal.raise_signal(number)
        assert control.reason() == f"stopped by {number.name}"
        assert control.signal is number
        assert not control.shall_cancel
        signal.raise_signal(number)
    assert control.shall_cancel
    assert n_wakes == 2


def test_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopControl(tmp_path).handle_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        control = StopControl(tmp_path)
        with control.handle_signals():
            signal.raise_signal(signal.SIGHUP)
        assert control.reason() is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_takes_no_signals(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    found = []

    def look() -> None:
        with StopControl(tmp_path).handle_signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]


def test_a_request_file_stops_and_is_taken_away(tmp_path: Path) -> None:
    control = StopControl(tmp_path)
    request_stop(tmp_path)
    reason = control.reason()
    assert reason is not None
    assert reason.startswith("asked to stop by ")
    assert " on " in reason
    assert list(tmp_path.iterdir()) == []
    assert control.reason() == reason


def test_a_request_goes_before_a_signal_that_came_with_it(tmp_path: Path) -> None:
    control = StopControl(tmp_path)
    request_stop(tmp_path)
    with control.handle_signals():
        signal.raise_signal(signal.SIGTERM)
    assert str(control.reason()).startswith("asked to stop by ")
    assert not control.shall_cancel


def test_an_old_request_is_discarded(tmp_path: Path) -> None:
    request_stop(tmp_path)
    control = StopControl(tmp_path)
    control.discard_old_request()
    assert control.reason() is None
    assert list(tmp_path.iterdir()) == []


def test_a_request_is_not_discarded_that_came_while_the_lease_was_taken(
    tmp_path: Path,
) -> None:
    for is_first in (True, False):
        control = StopControl(tmp_path)  # the second time there is an old one
        request_stop(tmp_path)
        control.discard_old_request()
        assert (tmp_path / STOP_REQUEST).exists(), is_first
    assert str(control.reason()).startswith("asked to stop by ")


def test_a_request_that_cannot_be_read_is_a_request(tmp_path: Path) -> None:
    (tmp_path / STOP_REQUEST).mkdir()
    assert "unreadable" in str(StopControl(tmp_path).reason())


def test_a_request_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the request to stop cannot be written"):
        request_stop(tmp_path / "none")


# A driver that is a job


def test_a_job_whose_time_is_nearly_over_hands_over(tmp_path: Path) -> None:
    control = StopControl(tmp_path, is_job=True)
    with control.handle_signals():
        assert not control.shall_hand_over
        signal.raise_signal(signal.SIGUSR1)
    assert control.reason() == "the time of its job is nearly over"
    assert control.shall_hand_over
    assert not control.shall_cancel


def test_the_end_of_the_time_changes_nothing_any_more(tmp_path: Path) -> None:
    control = StopControl(tmp_path, is_job=True)
    with control.handle_signals():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert control.shall_hand_over
    assert not control.shall_cancel


def test_a_job_that_is_cancelled_or_stopped_hands_over_nothing(tmp_path: Path) -> None:
    cancelled = StopControl(tmp_path, is_job=True)
    with cancelled.handle_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGUSR1)
    assert cancelled.reason() == "stopped by SIGTERM"
    assert not cancelled.shall_hand_over
    stopped = StopControl(tmp_path, is_job=True)
    request_stop(tmp_path)
    with stopped.handle_signals():
        signal.raise_signal(signal.SIGUSR1)
    assert "asked to stop by" in str(stopped.reason())
    assert not stopped.shall_hand_over


def test_a_driver_that_is_no_job_knows_nothing_of_its_time(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with StopControl(tmp_path).handle_signals():
        assert signal.getsignal(signal.SIGUSR1) == before

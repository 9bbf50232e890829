"""What is kept of a journal that is followed for weeks."""

from __future__ import annotations

from hpcopt.core import events as ev
from hpcopt.storage.frames import decode_all, encode


def test_events_read_one_by_one_have_their_keys_in_common() -> None:
    event = ev.TrialAttached(1.0, 0, {"an_unusual_parameter": 0.5}, "by hand")
    payload = encode(event)
    (first,), (second,) = decode_all([payload]), decode_all([payload])
    assert first == second == event
    assert isinstance(first, ev.TrialAttached)
    assert isinstance(second, ev.TrialAttached)
    assert next(iter(first.parameters)) is next(iter(second.parameters))

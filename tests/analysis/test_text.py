from __future__ import annotations

from hpcopt.analysis.text import escape, visible


def test_controls_are_seen_and_letters_stay() -> None:
    assert visible("a\u202eb\x07\n") == "a\\u202eb\\x07\n"
    assert visible("שלום 🦊 é") == "שלום 🦊 é"
    assert escape('<b>"\u2066') == "&lt;b&gt;&quot;\\u2066"
    assert escape(3) == "3"

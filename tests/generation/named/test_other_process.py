"""Named models and acquisitions propose the same bits in any process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.named_world import (
    bits,
    named_snapshot,
    propose,
    quick,
    search_little,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
    ),
]

CODE = """
import pytest
from tests.support.named_world import *
search_little(pytest.MonkeyPatch())
now = named_snapshot("mixed", 6)
for names in [("saas",), ("auto", "qMES"), ("auto", "thompson")]:
    print(bits(propose(now, quick(*names))[0]))
"""


def test_another_process_proposes_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search_little(monkeypatch)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True,
        text=True,
        check=True,
    )
    now = named_snapshot("mixed", 6)
    names = [("saas",), ("auto", "qMES"), ("auto", "thompson")]
    here = [bits(propose(now, quick(*one))[0]) for one in names]
    assert done.stdout.splitlines() == here

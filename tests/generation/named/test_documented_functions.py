"""The functions that the documentation shows are taken as they stand there."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import hpcopt
from hpcopt.generation.named.context import AcquisitionContext, ModelContext
from tests.support.named_world import (
    Step,
    named_snapshot,
    propose,
    said,
    search_little,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

PAGE = Path(hpcopt.__file__).parents[1] / "docs" / "reference" / "config.md"


def test_all_that_a_context_has_is_documented() -> None:
    page = PAGE.read_text("utf-8")
    names = [one.name for one in (*fields(ModelContext), *fields(AcquisitionContext))]
    internal = {"pending", "slacks", "asked"}
    for name in {*names, "X_pending", "constraints()", "sampler(n)"} - internal:
        assert f"`{name}`" in page or f"`{name}(n)`" in page, name


@pytest.mark.slow
def test_a_kernel_and_an_acquisition_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_little(monkeypatch)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "documented", raising=False)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [code] = [block for block in blocks if "def rough(" in block]
    (tmp_path / "documented.py").write_text(code, encoding="utf-8")
    now = named_snapshot("constrained")
    ours, _ = propose(now, Step("auto", "qUCB", {}, {"beta": 9.0, "mc_samples": 16}))
    step = Step("documented:rough", "documented:bold", {"nu": 0.5}, {"beta": 1.0})
    found, proposer = propose(now, step, tmp_path)
    now.space.check(found)
    assert found != ours
    assert float(found["x"]) >= 0.5
    assert "documented:bold knows no constraints on outcomes" in said(proposer)

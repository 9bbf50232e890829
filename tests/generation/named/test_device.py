"""Where models are computed, and what is said where that is not as asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hpcopt.generation.named import proposer as proposers
from hpcopt.generation.named.device import GPU_FROM, chosen_device
from tests.support.named_world import (
    named_snapshot,
    propose,
    quick,
    said,
    search_little,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


@pytest.fixture
def n_gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let PyTorch see so many GPUs."""
    n: int = request.param
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
    return n


@pytest.mark.parametrize("n_gpus", [2], indirect=True)
@pytest.mark.parametrize(
    ("device", "n", "expected"),
    [
        ("cpu", 10_000, "cpu"),
        ("auto", GPU_FROM - 1, "cpu"),
        ("auto", GPU_FROM, "cuda"),
        ("cuda", 10, "cuda"),
        ("cuda:1", 10, "cuda:1"),
    ],
)
def test_a_gpu_is_taken_where_it_is_asked_for_or_worth_it(
    n_gpus: int, device: str, n: int, expected: str
) -> None:
    assert chosen_device(device, n) == (torch.device(expected), "")


@pytest.mark.parametrize("n_gpus", [0, 1], indirect=True)
def test_a_gpu_that_there_is_not_is_said_to_be_missing(n_gpus: int) -> None:
    found = "no GPU" if n_gpus == 0 else "1 of them"
    sentence = f"the CPU is used: expected a GPU cuda:1, found {found}"
    assert chosen_device("cuda:1", 10) == (torch.device("cpu"), sentence)
    assert chosen_device("auto", GPU_FROM)[1] == ""


@pytest.mark.parametrize("n_gpus", [0], indirect=True)
def test_a_suggestion_tells_that_there_is_no_gpu(
    n_gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_little(monkeypatch)
    now = named_snapshot("plain")
    found, proposer = propose(now, quick("auto", "qUCB"), device="cuda")
    assert "the CPU is used: expected a GPU cuda, found no GPU" in said(proposer)
    assert found == propose(now, quick("auto", "qUCB"))[0]


@pytest.mark.parametrize("name", ["of_ours", "optimize_acquisition"])
def test_a_gpu_that_is_full_leaves_the_cpu(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_little(monkeypatch)
    now, step = named_snapshot("plain"), quick("auto", "qUCB")
    expected, _ = propose(now, step)
    # It stands for a GPU, and is no other device than the CPU.
    gpu = torch.device("cpu", 0)
    monkeypatch.setattr(proposers, "chosen_device", lambda *_: (gpu, ""))
    monkeypatch.setattr(proposers, "of_gpu", lambda _: [])
    original = getattr(proposers, name)
    tried: list[str] = []

    def full(*args: Any, **options: Any) -> Any:
        tried.append(name)
        if len(tried) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate\nmore")
        return original(*args, **options)

    monkeypatch.setattr(proposers, name, full)
    found, proposer = propose(now, step)
    assert found == expected
    assert (
        "the CPU is used: the GPU failed (OutOfMemoryError: CUDA out of memory. Tried "
        "to allocate)"
    ) in said(proposer).splitlines()

"""What numerics take in a block, and what is given back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from hpcopt.host.threads import limit_loaded, limited_threads

#: A user's own number, which is neither that of the tests nor the one in a block.
OWN = 3


@pytest.fixture(autouse=True)
def own_number() -> Iterator[None]:
    """Let all that is loaded take the user's own number of threads."""
    assert np.ones(2) @ np.ones(2) == 2  # its BLAS is loaded
    if torch := sys.modules.get("torch"):  # which takes its own number at first use
        torch.get_num_threads()
    with threadpool_limits(OWN):
        yield


def numbers() -> set[int]:
    """Return how many threads each of the libraries takes."""
    return {library["num_threads"] for library in threadpool_info()}


def test_a_block_limits_threads_and_gives_back_the_users_own() -> None:
    with limited_threads(1):
        assert numbers() == {1}
    assert numbers() == {OWN}


def test_a_block_that_raises_gives_back_the_users_own() -> None:
    with pytest.raises(KeyError), limited_threads(1):
        raise KeyError
    assert numbers() == {OWN}


def test_within_a_block_another_one_holds_until_it_ends() -> None:
    with limited_threads(2):
        with limited_threads(1):
            assert numbers() == {1}
        assert numbers() == {2}
    assert numbers() == {OWN}


def test_what_is_changed_after_a_block_is_known_to_the_next_one() -> None:
    with limited_threads(1):
        pass
    with threadpool_limits(2):
        with limited_threads(1):
            assert numbers() == {1}
        assert numbers() == {2}


def test_blocks_of_several_threads_may_end_in_any_order() -> None:
    entered, left = threading.Event(), threading.Event()
    seen: list[set[int]] = []

    def other() -> None:
        with limited_threads(1):
            entered.set()
            left.wait()
            seen.append(numbers_of_blas())
        seen.append(numbers_of_blas())

    def numbers_of_blas() -> set[int]:
        return {
            library["num_threads"]
            for library in threadpool_info()
            if library["user_api"] == "blas"
        }

    thread = threading.Thread(target=other)
    with limited_threads(1):
        thread.start()
        entered.wait()
    assert numbers_of_blas() == {1}  # the other one is still at work
    left.set()
    thread.join()
    assert seen == [{1}, {OWN}]
    assert numbers() == {OWN}


def in_a_process(script: str) -> list[Any]:
    """Return the lines of JSON that a script writes, run without any limits."""
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_loaded_in_a_block_is_limited_too() -> None:
    [before, inside, after] = in_a_process(
        """
import json
from threadpoolctl import threadpool_info, threadpool_limits
from hpcopt.host.threads import limit_loaded, limited_threads
import numpy
threadpool_limits(3)
write = lambda: print(json.dumps([lib["num_threads"] for lib in threadpool_info()]))
write()
with limited_threads(1):
    import scipy.linalg
    threadpool_limits(3, user_api="blas")  # as if that were scipy's by itself
    limit_loaded()
    write()
write()
"""
    )
    assert before == [3]
    assert sorted(inside) == [1, 3]
    assert after == [3, 3]


def test_outside_of_a_block_nothing_is_limited() -> None:
    limit_loaded()
    assert numbers() == {OWN}


@pytest.mark.slow
def test_torch_is_limited_too_and_gets_its_own_number_back() -> None:
    found = in_a_process(
        """
import json, threading, torch
from hpcopt.host.threads import limited_threads
torch.set_num_threads(3)
write = lambda: print(torch.get_num_threads())
write()
with limited_threads(1):
    write()
    with limited_threads(2):
        write()
    write()
    def other():
        with limited_threads(1):
            write()
        write()
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    write()
write()
"""
    )
    assert found == [3, 1, 2, 1, 1, 3, 1, 3]

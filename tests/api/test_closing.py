"""Letting go of an experiment: by a call, at a block's end, at the script's end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.core.errors import LeaseHeldError
from hpcopt.experiment.folder import LEASE, read_experiment
from hpcopt.storage.lease import Lease
from tests.support.api_world import bowl_client

FORGETFUL = """
import sys
from pathlib import Path
from tests.support.api_world import bowl_client
client = bowl_client(Path(sys.argv[1]))
client.get_next_trials(1)
client.myself = client  # a circle, which only the garbage collector would undo
assert (Path(sys.argv[1]) / "lease.json").exists()
"""


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return bowl_client(tmp_path)


def test_a_client_that_is_closed_holds_nothing(client: Client, tmp_path: Path) -> None:
    client.get_next_trials(1)
    assert (tmp_path / LEASE).exists()
    client.close()
    assert not (tmp_path / LEASE).exists()
    client.close()


def test_a_client_is_closed_at_the_end_of_its_block(tmp_path: Path) -> None:
    with bowl_client(tmp_path) as client:
        client.get_next_trials(1)
        assert (tmp_path / LEASE).exists()
    assert not (tmp_path / LEASE).exists()
    with pytest.raises(ZeroDivisionError), client:
        client.complete_trial(0, {"height": 1 / 0})
    assert not (tmp_path / LEASE).exists()


def test_a_client_that_was_closed_takes_the_experiment_up_again(
    client: Client, tmp_path: Path
) -> None:
    client.get_next_trials(1)
    client.close()
    assert len(client.summarize()) == 1
    assert not (tmp_path / LEASE).exists()  # looking needs none
    client.complete_trial(0, {"height": 1.0})
    assert (tmp_path / LEASE).exists()
    assert len(read_experiment(tmp_path).completed_trials()) == 1


def test_clients_that_share_an_experiment_let_go_with_the_last_of_them(
    client: Client, tmp_path: Path
) -> None:
    other, looking = bowl_client(tmp_path), bowl_client(tmp_path)
    client.get_next_trials(1)
    other.get_next_trials(1)
    looking.summarize()
    looking.close()
    client.close()
    assert (tmp_path / LEASE).exists()
    other.complete_trial(0, {"height": 1.0})
    other.close()
    assert not (tmp_path / LEASE).exists()


def test_a_client_that_was_forgotten_keeps_nobody_from_closing(
    client: Client, tmp_path: Path
) -> None:
    client.get_next_trials(1)
    other = bowl_client(tmp_path)
    other.get_next_trials(1)
    del other
    client.close()
    assert not (tmp_path / LEASE).exists()


def test_what_one_process_holds_another_may_have_after_it_closed(
    client: Client, tmp_path: Path
) -> None:
    client.get_next_trials(1)
    with pytest.raises(LeaseHeldError):
        Lease.acquire(tmp_path / LEASE)
    client.close()
    Lease.acquire(tmp_path / LEASE).release()


def test_a_script_that_forgets_its_client_ends_in_order(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert not (tmp_path / LEASE).exists()
    assert list(bowl_client(tmp_path).get_next_trials(1)) == [1]

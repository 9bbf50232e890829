from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpcopt.api.client import Client
from hpcopt.core.errors import UsageError
from tests.support.api_world import X


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client(folder=tmp_path / "bowl")
    client.configure_experiment([X])
    client.configure_optimization("-loss")
    return client


def tell(client: Client, n: int) -> None:
    for index, parameters in client.get_next_trials(n).items():
        x = parameters["x"]
        assert isinstance(x, float)
        client.complete_trial(index, {"loss": (x - 0.3) ** 2})


def test_the_overview_is_one_card_with_all_that_there_is(client: Client) -> None:
    tell(client, 3)
    [card] = client.compute_analyses()
    assert card.name == "OverviewAnalysis"
    titles = [leaf.title for leaf in card.flatten()]
    assert {"Utility Progression", "Summary for bowl"} <= set(titles)


def test_before_the_first_trial_there_is_nothing_to_show_yet(client: Client) -> None:
    [card] = client.compute_analyses()
    shown = {leaf.title.split(" -- ")[-1] for leaf in card.flatten()}
    assert shown == {"Not Available Yet", "Generation Strategy Graph"}
    assert client._experiment.trials == {}


def test_an_unconfigured_client_is_told_what_to_configure() -> None:
    with pytest.raises(UsageError, match="expected configure_experiment"):
        Client().compute_analyses()


def test_the_experiment_is_seen_as_it_stands(client: Client) -> None:
    tell(client, 1)
    one = client._experiment
    assert client._experiment is one
    tell(client, 1)
    assert len(one.trials) == 1
    assert len(client._experiment.trials) == 2
    client.close()
    assert client._experiment is client._experiment


def test_the_status_of_trials_is_told_by_its_name(client: Client) -> None:
    tell(client, 1)
    client.get_next_trials(1)
    assert list(client.summarize(trial_statuses=["running"])["trial_index"]) == [1]
    capitals: Any = ["COMPLETED"]
    assert list(client.summarize(trial_statuses=capitals)["trial_index"]) == [0]
    with pytest.raises(UsageError, match=r"expected some of .*, found 'done'"):
        client.summarize(trial_statuses=["done"])  # type: ignore[list-item]

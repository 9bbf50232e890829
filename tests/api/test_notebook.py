"""How a client, an experiment and a trial look in a notebook: short, and escaped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from tests.support.analysis_world import experiment, losses, observed, view
from tests.support.api_world import X

HOSTILE = "<script>alert(1)</script>\x1b[1m \u202e& \"x'"


def told_client(folder: Path, name: str = "bowl") -> Client:
    client = Client(folder=folder)
    client.configure_experiment([X], name=name)
    client.configure_optimization("-loss")
    for value in (0.5, 0.2, 0.9):
        index = client.attach_trial({"x": value})
        client.complete_trial(index, {"loss": (value - 0.3) ** 2})
    client.mark_trial_failed(client.attach_trial({"x": 0.1}))
    return client


def test_a_client_tells_how_it_stands(tmp_path: Path) -> None:
    client = told_client(tmp_path)
    assert repr(client) == (
        f"Client('bowl', folder={str(tmp_path)!r}, 4 trials: 3 completed, 1 failed)"
    )
    html = client._repr_html_()
    for text in ("<strong>bowl</strong>", "minimise loss", "loss = 0.01, trial 1"):
        assert text in html
    assert html.count("<tr>") == 4 + 1 + 4  # facts, a head, trials
    assert len(html) < 3000


def test_a_client_that_is_not_configured_says_so(tmp_path: Path) -> None:
    assert "expected configure_experiment to be called before" in repr(Client())
    client = Client(folder=tmp_path)
    client.configure_experiment([RangeParameterConfig("x", (0, 1), "float")])
    assert repr(client).startswith("Client(folder=")
    assert client._repr_html_().startswith("<pre>Client(")
    client.configure_optimization("-loss")
    assert "0 trials" in repr(client)
    assert "minimise loss" in client._repr_html_()


def test_a_journal_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    told_client(tmp_path).close()
    (tmp_path / "journal.jsonl").write_text("no journal\nat all\n")
    client = Client(folder=tmp_path)
    client.configure_experiment([X], name="bowl")
    client.configure_optimization("-loss")
    assert "is it a journal" in repr(client)
    assert "is it a journal" in client._repr_html_()


def test_what_users_name_is_escaped() -> None:
    outcomes = [{**losses(1.0)[0], HOSTILE: observed(a=2.0)["a"]}, None]
    seen = view("-loss", outcomes, name=HOSTILE)
    for html in (seen._repr_html_(), seen.trials[0]._repr_html_()):
        assert "<script" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert html.count("<table") == html.count("</table>")
    assert repr(seen).endswith(", 2 trials: 1 completed, 1 failed)")


def test_a_trial_is_shown_with_its_outcome() -> None:
    core = experiment("-loss", [observed(loss=(0.25, 0.1)), None])
    seen = view("-loss", [trial.outcome or None for trial in core.trials])
    html = seen.trials[0]._repr_html_()
    assert "<strong>trial 0</strong> completed" in html
    assert "loss = 0.25 ± 0.1" in html
    assert "x = 0, kind = a" in html
    assert "exit code 3" in seen.trials[1]._repr_html_()


def test_many_trials_and_parameters_are_cut() -> None:
    many = view("-loss", losses(*map(float, range(500))))
    assert len(many._repr_html_()) < 4000
    parameters = [{f"x{k}": 0.5 for k in range(500)}]
    one = view("-loss", losses(1.0), parameters=parameters).trials[0]
    assert "and 480 more" in one._repr_html_()


def test_nothing_is_fitted_nor_loaded_for_it(tmp_path: Path) -> None:
    told_client(tmp_path).close()
    code = (
        "import sys\n"
        "from hpcopt.api.client import Client\n"
        f"client = Client.open({str(tmp_path)!r})\n"
        "assert 'bowl' in repr(client)\n"
        "assert 'minimise loss' in client._repr_html_()\n"
        "assert not {'torch', 'pandas', 'plotly'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

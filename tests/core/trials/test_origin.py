"""Origins of parameters: written with a generation, and read for each trial."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.trials import events as ev
from hpcopt.core.trials.origin import Origin, origin_at, used
from hpcopt.core.trials.table import TrialTable

ORIGINS = st.builds(
    Origin,
    method=st.sampled_from(["sobol", "bo"]),
    why=st.sampled_from(["it was asked for", "2 objectives"]),
    step=st.none() | st.integers(0, 1),
    model=st.sampled_from(["", "saas"]),
    acquisition=st.sampled_from(["", "qUCB"]),
    said=st.sampled_from([(), ("a", "b")]),
)


@given(st.lists(ORIGINS, max_size=6))
def test_each_suggestion_has_the_origin_that_was_written(origins: list[Origin]) -> None:
    details: dict[str, Any] = {"used": used(origins)}
    assert [origin_at(details, k) for k in range(len(origins))] == origins


def generated(
    offset: int, details: dict[str, Any], *indices: int
) -> ev.TrialsGenerated:
    trials = tuple(ev.GeneratedTrial(k, {"x": 0.5}, "bo") for k in indices)
    return ev.TrialsGenerated(0.0, trials, offset=offset, details=details)


def test_a_trial_knows_its_origin_whichever_part_of_the_answer_it_was() -> None:
    origins = [Origin("sobol", "a"), Origin("bo", "b"), Origin("bo", "c")]
    table = TrialTable()
    table.apply(generated(0, {"used": used(origins)}, 0))
    table.apply(generated(1, {"used": used(origins)}, 1, 2))
    table.apply(generated(0, {"used": used(origins[2:])}, 3))
    table.apply(generated(0, {}, 4))
    assert [trial.origin for trial in table.trials] == [*origins, origins[2], None]
    assert table[3].origin is table[2].origin


def test_the_names_are_one_line() -> None:
    assert Origin("sobol", "why").names == "sobol"
    origin = Origin("bo", "why", step=1, model="saas", acquisition="qUCB")
    assert origin.names == "steps[1]: bo, saas, qUCB"

"""Steps of generation: what they are, when one ends, and what each proposes by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.catalogue import (
    ACQUISITIONS,
    MODELS,
    OPTION_VALUES,
    check_names,
)
from hpcopt.generation.choice import NAMED
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.gains import Gains
from hpcopt.generation.methods import METHODS
from hpcopt.generation.proposer import load_proposer
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import GenerationStep, Until, checked_steps, step_at
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    methods_of,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)

# linear_operator still compiles a function with torch.jit when it is imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

COUNTS = st.none() | st.integers(1, 1000)
UNTILS = (
    st.tuples(COUNTS, COUNTS, COUNTS).filter(any).map(lambda counts: Until(*counts))
)
OWN = st.sampled_from(["mine:kernel", "pack.mine:Class.make"])
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


def value_of(option: str) -> st.SearchStrategy[Any]:
    """Return the values that an option may have."""
    kind = OPTION_VALUES[option]
    if isinstance(kind, tuple):
        return st.sampled_from(kind)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "switch": st.booleans(),
        "count": st.integers(1, 99),
        "number": st.integers(1, 9) | st.floats(0.1, 9),
    }
    return kinds[kind]


def options_of(name: str, known: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if name not in known:
        return st.dictionaries(st.text(), VALUES, max_size=2)
    values = {option: value_of(option) for option in known[name].options}
    return st.fixed_dictionaries({}, optional=values)


@st.composite
def steps(draw: st.DrawFn) -> GenerationStep:
    """Draw any step, without an end."""
    method = draw(st.sampled_from(sorted(METHODS)))
    if method not in ("auto", "bo"):
        return GenerationStep(method)
    model = draw(st.sampled_from(sorted(MODELS)) | OWN)
    acquisition = draw(st.sampled_from([*ACQUISITIONS, "qNParEGO"]) | OWN)
    model_options = draw(options_of(model, MODELS))
    acquisition_options = draw(options_of(acquisition, ACQUISITIONS))
    try:
        check_names(model, acquisition, model_options, acquisition_options)
    except ConfigError:  # ours goes with our own fit alone
        acquisition, acquisition_options = "auto", {}
    return GenerationStep(
        method, model, acquisition, model_options, acquisition_options
    )


@st.composite
def specs(draw: st.DrawFn) -> GeneratorSpec:
    """Draw any spec without a user's own generator."""
    found = GeneratorSpec(
        n_initial=draw(st.none() | st.integers(1, 50)),
        timeout_s=draw(st.floats(0.1, 1e6)),
        threads=draw(st.integers(1, 64)),
        device=draw(st.sampled_from(["auto", "cpu", "cuda", "cuda:3"])),
        folder=draw(st.none() | st.just("/somewhere")),
    )
    drawn = draw(st.lists(steps(), min_size=1, max_size=3))
    if len(drawn) == 1:
        return dataclasses.replace(
            found, **{k: v for k, v in vars(drawn[0]).items() if k != "until"}
        )
    ends = [Until(trials=20 * (k + 1)) for k in range(len(drawn) - 1)]
    if draw(st.booleans()):
        ends = [Until(completed=draw(st.integers(1, 9))) for _ in ends]
    return dataclasses.replace(
        found,
        steps=tuple(
            dataclasses.replace(step, until=until)
            for step, until in zip(drawn, [*ends, None], strict=True)
        ),
    )


# Data


@given(specs())
def test_a_spec_survives_json(spec: GeneratorSpec) -> None:
    assert GeneratorSpec.from_json(spec.to_json()) == spec
    without = dataclasses.replace(spec, folder=None)
    assert GeneratorSpec.from_json(spec.settings()) == without


def test_it_is_known_of_every_option_what_it_may_be() -> None:
    known: list[Any] = [*MODELS.values(), *ACQUISITIONS.values()]
    assert {option for one in known for option in one.options} == set(OPTION_VALUES)


@given(UNTILS)
def test_an_end_survives_json(until: Until) -> None:
    step = GenerationStep(until=until)
    assert GenerationStep.from_json(step.to_json()) == step


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        (GeneratorSpec(), {"method": "auto"}),
        (
            GeneratorSpec("sobol", 3, threads=2),
            {"method": "sobol", "n_initial": 3, "threads": 2},
        ),
        (
            GeneratorSpec(generator="m:C", options={"a": 1}),
            {"method": "auto", "generator": "m:C", "options": {"a": 1}},
        ),
    ],
)
def test_what_earlier_versions_had_is_written_as_by_them(
    spec: GeneratorSpec, settings: dict[str, JSONValue]
) -> None:
    assert list(spec.settings().items()) == list(settings.items())


def test_names_are_kept_where_they_are_given() -> None:
    spec = GeneratorSpec(model="saas", acquisition="qUCB", device="cpu")
    assert spec.settings() == {
        "method": "auto",
        "device": "cpu",
        "model": "saas",
        "acquisition": "qUCB",
    }
    assert spec.name == "auto with saas and qUCB"


TWO: list[dict[str, Any]] = [{"until": {"trials": 5}}, {"model": "saas"}]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": "sas"}, "model: expected one of .*did you mean saas"),
        ({"acquisition": "qUCP"}, "acquisition: expected one of .*did you mean qUCB"),
        ({"acquisition": 3}, "acquisition: expected a name, found 3"),
        (
            {"acquisition": "qUCB", "acquisition_options": {"betta": 1}},
            "acquisition_options: .*'betta'.*did you mean beta",
        ),
        (
            {"model": "single_task", "model_options": {"kernel": "mattern"}},
            "model_options.kernel: expected one of matern, rbf, found 'mattern'; did "
            "you mean matern",
        ),
        (
            {"model": "single_task", "model_options": {"input_warping": 1}},
            "model_options.input_warping: expected true or false, found 1",
        ),
        (
            {"model": "saas", "model_options": {"num_taus": 2.5}},
            "model_options.num_taus: expected a whole number, at least 1, found 2.5",
        ),
        (
            {"acquisition": "qKG", "acquisition_options": {"num_points": 0}},
            "acquisition_options.num_points: expected a whole number, at least 1, fou",
        ),
        (
            {"acquisition": "qUCB", "acquisition_options": {"beta": "many"}},
            "acquisition_options.beta: expected a number above 0, found 'many'",
        ),
        (
            {"acquisition": "qUCB", "acquisition_options": {"beta": -1}},
            "acquisition_options.beta: expected a number above 0, found -1",
        ),
        (
            {"model_options": 3},
            "model_options: expected keys and values, found 3",
        ),
        (
            {"method": "trust_region", "model": "saas"},
            "method: expected auto or bo, which take a model and an acquisition by "
            "name, found 'trust_region'",
        ),
        ({"device": "gpu"}, "device: expected auto, cpu, cuda or, .* found 'gpu'"),
        ({"device": "cuda:x"}, "device: expected .* found 'cuda:x'"),
        (
            {"generator": "m:C", "model": "saas"},
            "model: expected none beside a generator of your own",
        ),
        (
            {"generator": "m:C", "steps": TWO},
            "steps: expected none beside a generator of your own",
        ),
        (
            {"acquisition": "qUCB", "steps": TWO},
            "steps: expected acquisition within each step, found it beside them",
        ),
        (
            {"steps": [{}, {}]},
            r"steps\[0\].until: missing; steps\[1\] would never begin",
        ),
        (
            {"steps": [{"until": {"trials": 5}}]},
            r"steps\[0\].until: expected none, as no step comes after it",
        ),
        (
            {"steps": [*TWO[:1], {"until": {"trials": 5}}, {}]},
            r"steps\[1\].until.trials: expected more than the 5 trials at which an "
            "earlier step ends, found 5",
        ),
        ({"steps": [{"until": {}}, {}]}, r"steps\[0\].until: expected one of trials"),
        ({"steps": [{"until": 3}, {}]}, r"steps\[0\].until: expected keys and values"),
        (
            {"steps": [{"until": {"trials": 0}}, {}]},
            r"steps\[0\].until.trials: expected a whole number, at least 1, found 0",
        ),
        (
            {"steps": [{"until": {"trial": 5}}, {}]},
            r"steps\[0\].until.trial: unknown key; did you mean trials",
        ),
        (
            {"steps": [*TWO[:1], {"modell": "saas"}]},
            r"steps\[1\].modell: unknown key; did you mean model\?",
        ),
        (
            {"steps": [*TWO[:1], {"seed": 3}]},
            r"steps\[1\].seed: unknown key; known: \['method', ",
        ),
        (
            {"steps": [*TWO[:1], {"model": "sas"}]},
            r"steps\[1\].model: expected one of .*did you mean saas",
        ),
        ({"steps": [3, {}]}, r"steps\[0\]: expected keys and values, found 3"),
    ],
)
def test_each_thing_that_is_wrong_has_its_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{sentence}"):
        GeneratorSpec.from_json(fields)


def test_what_is_not_defined_for_the_goals_is_refused_with_what_is() -> None:
    several = dataclasses.replace(
        snapshot(SQUARE), goals=snapshot(SQUARE, objective="-a, b").goals
    ).goals
    GeneratorSpec(acquisition="qLogNEHVI").check_goals(several)
    GeneratorSpec().check_goals(several)
    with pytest.raises(ConfigError, match=r"^acquisition: qKG .*2 objectives.*NEHVI"):
        GeneratorSpec(acquisition="qKG").check_goals(several)
    spec = GeneratorSpec.from_json({"steps": [*TWO[:1], {"acquisition": "qKG"}]})
    with pytest.raises(ConfigError, match=r"^steps\[1\].acquisition: qKG"):
        spec.check_goals(several)


# Which step is next


def told(losses: Sequence[float | None], n_pending: int = 0) -> Snapshot:
    """Return what is known after some losses; ``None`` is a trial that failed."""
    points = sobol_points(SQUARE, len(losses) + n_pending)
    completed = tuple(
        ObservedTrial(index, points[index], {"loss": Observation(loss)})
        for index, loss in enumerate(losses)
        if loss is not None
    )
    failed = [points[k] for k, loss in enumerate(losses) if loss is None]
    return snapshot(SQUARE, completed, points[len(losses) :], failed)


def stepped(*untils: dict[str, int]) -> tuple[GenerationStep, ...]:
    return checked_steps([*({"until": until} for until in untils), {}])


@pytest.mark.parametrize(
    ("untils", "losses", "n_pending", "n_proposed", "number"),
    [
        ([{"trials": 4}], [3, 2, 1], 0, 0, 0),
        ([{"trials": 4}], [3, 2, 1], 0, 1, 1),
        ([{"trials": 4}], [3, None, 1], 1, 0, 1),
        ([{"trials": 4}, {"trials": 5}], [3, 2, 1], 1, 1, 2),
        ([{"completed": 3}], [3, 2, None], 5, 5, 0),
        ([{"completed": 3}], [3, 2, 1], 0, 0, 1),
        ([{"completed": 3, "trials": 5}], [3, 2, 1], 1, 0, 0),
        ([{"completed": 3, "trials": 5}], [3, 2, 1], 1, 1, 1),
        ([{"no_better_for": 2}], [1, 2, 0.5, 3], 0, 0, 0),
        ([{"no_better_for": 2}], [1, 2, 0.5, 3, 0.5], 0, 0, 1),
        ([{"no_better_for": 2}], [1, 2, 0.5, 3, None], 9, 9, 0),
        # Gains of the step before do not count for the next one.
        ([{"no_better_for": 2}, {"no_better_for": 2}], [1, 2, 3], 0, 0, 1),
        ([{"no_better_for": 2}, {"no_better_for": 2}], [1, 2, 3, 4], 0, 0, 1),
        ([{"no_better_for": 2}, {"no_better_for": 2}], [1, 2, 3, 4, 5], 0, 0, 2),
        ([{"no_better_for": 2}, {"no_better_for": 2}], [1, 2, 3, 4, 0], 0, 0, 1),
        ([{"trials": 3}, {"no_better_for": 2}], [1, 2, 3, 4], 0, 0, 1),
        ([{"trials": 3}, {"no_better_for": 2}], [1, 2, 3, 4, 5], 0, 0, 2),
    ],
)
def test_the_step_follows_from_what_is_known(
    untils: list[dict[str, int]],
    losses: list[float | None],
    n_pending: int,
    n_proposed: int,
    number: int,
) -> None:
    assert step_at(stepped(*untils), told(losses, n_pending), n_proposed) == number


def goals_of(objective: str, constraints: Sequence[str]) -> Any:
    return snapshot(SQUARE, objective=objective, constraints=constraints).goals


@pytest.mark.parametrize(
    ("objective", "constraints", "outcomes", "is_better"),
    [
        (
            "-loss",
            ["c >= 1"],
            [(5, 0.0), (9, 0.5), (7, 0.25), (8, 1.0), (9, 2.0), (1, 0.9), (7, 1.0)],
            [True, True, False, True, False, False, True],
        ),
        (
            "-loss, c",
            [],
            [(5, 0.0), (6, 1.0), (5, 0.0), (5, 1.0), (6, 1.0)],
            [True, True, False, True, False],
        ),
    ],
)
def test_better_goes_by_feasibility_and_by_the_front(
    objective: str,
    constraints: list[str],
    outcomes: list[tuple[float, float]],
    is_better: list[bool],
) -> None:
    points = sobol_points(SQUARE, len(outcomes))
    trials = tuple(
        ObservedTrial(k, p, {"loss": Observation(loss), "c": Observation(c)})
        for k, (p, (loss, c)) in enumerate(zip(points, outcomes, strict=True))
    )
    now = dataclasses.replace(
        snapshot(SQUARE, trials), goals=goals_of(objective, constraints)
    )
    assert Gains(now).is_better == is_better


# What each step proposes by


def used(generation: Generation) -> list[Any]:
    found: Any = generation.details["used"]
    return list(found)


def test_what_proposed_and_why_is_told_of_each_suggestion() -> None:
    points = sobol_points(SQUARE, 3)
    now = snapshot(SQUARE, observed(points, bowl))
    generation = BayesianGenerator(n_initial=4).generate(3, now)
    assert methods_of(generation) == ["sobol", "bo", "bo"]
    assert used(generation) == [
        {"offset": 0, "method": "sobol", "why": "the first 4 trials fill the space"},
        {
            "offset": 1,
            "method": "bo",
            "why": "2 continuous parameters, at most 12",
            "model": "single_task",
            "acquisition": "log_ei",
        },
    ]


def test_a_request_may_cross_the_end_of_a_step() -> None:
    steps = checked_steps([{"method": "sobol", "until": {"trials": 5}}, {}])
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 4), bowl))
    generation = BayesianGenerator(steps=steps).generate(3, now)
    assert methods_of(generation) == ["sobol", "bo", "bo"]
    assert [(one["offset"], one["step"]) for one in used(generation)] == [
        (0, 0),
        (1, 1),
    ]
    assert used(generation)[0]["why"] == "it was asked for"
    # As if there were no steps but where they begin.
    plain = BayesianGenerator(n_initial=5).generate(3, now)
    assert parameters_of(generation) == parameters_of(plain)


def test_a_sequence_may_come_later_too() -> None:
    steps = checked_steps([{"until": {"completed": 9}}, {"method": "sobol"}])
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 9), bowl))
    assert methods_of(BayesianGenerator(steps=steps).generate(2, now)) == ["sobol"] * 2


class Fake:
    """Proposes what its step says, and tells it."""

    made: list[Fake] = []  # noqa: RUF012

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        is_fitted: bool,
        step: GenerationStep,
        folder: str | None,
        device: str,
    ) -> None:
        self.now, self.is_fitted, self.step = snapshot, is_fitted, step
        self.folder, self.device = folder, device
        Fake.made.append(self)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        return {
            "lengthscales": [1.0],
            "used": {"model": self.step.model, "acquisition": self.step.acquisition},
            "said": [f"{self.step.acquisition} knows no pending points"],
        }

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        [point] = self.now.space.decode([[0.5, 0.001 * index]])  # type: ignore[arg-type]
        return point


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    monkeypatch.setattr(
        "hpcopt.generation.strategy.load_proposer",
        lambda where: Fake if where == NAMED else load_proposer(where),
    )
    Fake.made.clear()
    return Fake.made


def test_a_named_step_is_proposed_by_what_knows_the_names(named: list[Fake]) -> None:
    steps = checked_steps(
        [{"until": {"trials": 9}}, {"model": "saas", "acquisition": "qUCB"}]
    )
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
    generator = BayesianGenerator(steps=steps, folder="/mine", device="cpu")
    generation = generator.generate(3, now)
    [fake] = named
    assert (fake.folder, fake.device, fake.is_fitted) == ("/mine", "cpu", True)
    assert fake.step == steps[1]
    assert [one["step"] for one in used(generation)] == [0, 1]
    assert used(generation)[1] == {
        "offset": 1,
        "step": 1,
        "method": "bo",
        "model": "saas",
        "acquisition": "qUCB",
        "why": "saas and qUCB were asked for",
        "said": ["qUCB knows no pending points"],
    }
    assert "said" not in generation.details
    assert generation.details["lengthscales"] == [1.0]
    plain = BayesianGenerator().generate(1, now)
    assert parameters_of(generation)[:1] == parameters_of(plain)
    assert parameters_of(generation)[1] == SQUARE.decode([[0.5, 0.009]])[0]  # type: ignore[arg-type]


def test_the_initial_design_comes_before_a_named_step(named: list[Fake]) -> None:
    generator = BayesianGenerator(steps=(GenerationStep(acquisition="qUCB"),))
    plain = BayesianGenerator(method="sobol")
    now = snapshot(SQUARE)
    assert parameters_of(generator.generate(3, now)) == parameters_of(
        plain.generate(3, now)
    )
    unfitted = snapshot(SQUARE, observed(sobol_points(SQUARE, 9), bowl))
    generator.generate(1, unfitted, FallbackLevel.UNFITTED)
    assert [fake.is_fitted for fake in named] == [False]


def test_goals_that_an_acquisition_does_not_know_are_refused_late_too() -> None:
    points = sobol_points(SQUARE, 9)
    trials = tuple(
        ObservedTrial(k, p, {"a": Observation(k), "b": Observation(-k)})
        for k, p in enumerate(points)
    )
    now = snapshot(SQUARE, trials, objective="a, b")
    generator = BayesianGenerator(steps=(GenerationStep(acquisition="qKG"),))
    with pytest.raises(ConfigError, match="qKG is not defined for 2 objectives"):
        generator.generate(1, now)

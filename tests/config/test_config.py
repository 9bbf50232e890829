"""Configs: what is read, and the sentence for each thing that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpcopt.config.file import load_config, parse_config
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import ChoiceParameter, Condition
from hpcopt.core.space.specs import derived_parameter

PATH = Path("/somewhere/test.yaml")

GOOD = """
parameters:
  - {name: x1, type: range, bounds: [0, 1]}
  - {name: x2, type: choice, values: [a, b, c]}
objective: "-loss"
metrics:
  - {name: loss, file: result.h5, dataset: /loss}
job: {command: [python, simulate.py, "{{ x1 }}"]}
run: {max_trials: 3}
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_config_is_read_with_its_defaults() -> None:
    config = parse_config(GOOD, PATH)
    assert config.name == "test"
    assert config.search_space().d == 4
    assert config.job.template == "command.sbatch"
    assert config.run.parallelism == 1
    assert config.limits("slurm").result_grace_s == 60
    assert config.generation.seed == 0


def test_every_kind_of_parameter_is_read() -> None:
    more = """
  - {name: f, type: fixed, value: 7}
  - {name: x3, type: range, bounds: [1, 9], when: {x2: a}, default: 2}
  - {name: x4, type: range, bounds: [1, 9], when: {x2: [a, b]}}
  - {name: y, type: derived, expression: "x1 + f", parameter_type: int}
parameter_constraints: ["x1 + x3 <= 5"]
"""
    space = parse_config(changed("[a, b, c]}\n", f"[a, b, c]}}{more}"), PATH)
    found = space.search_space()
    assert found.parameters[2] == ChoiceParameter("f", (7,))
    assert found.parameters[5] == derived_parameter("y", "x1 + f", "int")
    assert found.conditions == (
        Condition("x3", "x2", ("a",)),
        Condition("x4", "x2", ("a", "b")),
    )
    assert found.constraints == ("x1 + x3 <= 5",)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("max_trials: 3", "max_trial: 3", "run.max_trial: unknown key; did you mean"),
        ("max_trials: 3", "parallelism: 3", "run.max_trials: missing"),
        ("run:", "runn:", "runn: unknown key; did you mean run?"),
        (
            "max_trials: 3",
            "max_trials: many",
            "run.max_trials: expected a whole number",
        ),
        ("max_trials: 3", "max_trials: 2.5", "expected a whole number, found 2.5"),
        ("max_trials: 3", "max_trials: 0", "max_trials: expected at least 1, got 0"),
        ("[0, 1]", "[1, 0]", "'x1': expected a lower bound below the upper bound"),
        ("[0, 1]", "[1, 1]", r"found [1, 1]"),
        ("[0, 1]", "[0, .inf]", "parameter 'x1': expected finite bounds, found inf"),
        ("[0, 1]", "[0, one]", "parameters[0].bounds[1]: expected a whole number or"),
        ("[0, 1]", "[0, 1], scaling: log", "a log scale needs a lower bound above 0"),
        ("[0, 1]", "[0, 1], step_size: 0.3", "expected step_size to divide the range"),
        ("[0, 1]", "[0, 1], step_size: -1", "expected step_size above 0, found -1"),
        (
            "[0, 1]",
            "[0, 1.5], parameter_type: int",
            "expected whole numbers for an int parameter, found 1.5",
        ),
        ("name: x2", "name: x1", "expected distinct names, found 'x1' twice"),
        ("[a, b, c]", "[a, a]", "expected distinct values, found ['a', 'a']"),
        ("[a, b, c]", "[]", "expected at least one value, found none"),
        (
            "type: range",
            "type: rang",
            "type: expected range, choice, fixed or derived, found 'rang'",
        ),
        (
            "[a, b, c]}",
            "[a, b, c]}\nparameter_constraints: ['x1 + x3 <= 1']",
            "parameter_constraints: 'x1 + x3 <= 1': expected names of parameters",
        ),
        (
            "[a, b, c]}",
            "[a, b, c]}\n  - {name: y, type: derived, expression: x1 +* 2}",
            "parameter 'y': expression: expected arithmetic such as",
        ),
        (
            "[a, b, c]}",
            "[a, b, c], when: {x2: a}}",
            "do not depend on each other in a circle, found x2 -> x2",
        ),
        (
            "[a, b, c]}",
            "[a, b, c]}\n  - {name: f, type: fixed}",
            "parameters[2].value: missing",
        ),
        ("-loss", "-los", "objective: expected metrics among ['loss'], found 'los'"),
        ("-loss", "loss +", "objective: expected a metric or a weighted sum"),
        ("-loss", "-loss, cost", "expected metrics among ['loss'], found 'cost'"),
        (
            'objective: "-loss"',
            'objective: "-loss"\noutcome_constraints: ["heat <= 5"]',
            "outcome_constraints: expected metrics among ['loss'], found 'heat'",
        ),
        ("-loss", "loss - loss", "expected each metric once, found 'loss' twice"),
        ("dataset: /loss", "reduce: last", "metrics[0].dataset: missing"),
        (
            "dataset: /loss}",
            "dataset: /loss}\n  - {name: loss, dataset: /b}",
            "metrics: expected distinct names, found 'loss' twice",
        ),
        ("job: {", "job: {function: 'a:b', ", "expected either command or function"),
        ("run: {", "name: a b\nrun: {", "name: expected letters, digits"),
        ("run: {", "job: {}\nrun: {", "line 9: not valid YAML: the key 'job' stands"),
        ("run: {", "run: [", "not valid YAML"),
        (
            "run: {",
            "generation: {seed: -1}\nrun: {",
            "generation.seed: expected at least 0, found -1",
        ),
        (
            "job: {",
            "job: {result_grace_s: -1, ",
            "job.result_grace_s: expected at least 0, found -1",
        ),
    ],
)
def test_a_bad_config_is_one_sentence_that_names_file_and_key(
    old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(changed(old, new), PATH)
    message = str(caught.value)
    assert sentence in message
    assert all(line.startswith(str(PATH)) for line in message.splitlines())
    assert caught.value.exit_code == 2


def test_several_mistakes_are_told_at_once() -> None:
    text = changed("max_trials: 3", "max_trials: x").replace("dataset: /loss", "")
    with pytest.raises(ConfigError) as caught:
        parse_config(text, PATH)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "- a\n", "hello"], ids=["empty", "list", "text"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected keys and values, found"):
        parse_config(text, PATH)


def test_scalars_are_read_as_written() -> None:
    """YAML 1.1 would read 1:30:00 as 5400, 1e-5 as text, and on as true."""
    text = changed("[0, 1]", "[1e-5, 1]").replace(
        "job: {", "job: {slurm: {time: 1:30:00, constraint: on, requeue: true}, "
    )
    config = parse_config(text, PATH)
    assert config.search_space().to_json()[0]["bounds"] == [1e-5, 1]  # type: ignore[index,call-overload]
    assert config.job.slurm == {"time": "1:30:00", "constraint": "on", "requeue": True}


def test_the_folder_is_relative_to_the_config(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "mine.yaml"
    path.write_text(GOOD)
    assert load_config(path).folder == tmp_path / "configs" / "experiments" / "mine"
    path.write_text(GOOD + "folder: ../out\n")
    assert load_config(path).folder == tmp_path / "out"


def test_a_missing_config_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the config: No such file"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("generation", "sentence"),
    [
        (
            "{method: magic}",
            "generation.method: expected one of auto, bo, trust_region, subspace, "
            "sobol, found 'magic'",
        ),
        ("{method: Trust-Region}", "'Trust-Region'; did you mean trust_region?"),
        ("{generator: mine}", "generation.generator: expected module:Class, found"),
        ("{options: {a: 1}}", "generation.options: expected a generator that takes"),
        ("{timeout_s: 0}", "generation.timeout_s: expected seconds above 0, found 0"),
        ("{threads: 0}", "generation.threads: expected at least 1, found 0"),
        ("{model: sas}", "found 'sas'; did you mean saas?"),
        (
            "{acquisition: 3}",
            "generation.acquisition: expected text, found 3",
        ),
        (
            "{acquisition: qLogNEHVI}",
            "generation.acquisition: qLogNEHVI is not defined for one objective; "
            "expected one of auto, log_ei, qLogEI, ",
        ),
        (
            "{steps: [{method: sobol, until: {trials: 3}}, {acquisition: qLogNEHVI}]}",
            "generation.steps[1].acquisition: qLogNEHVI is not defined for one",
        ),
        (
            "{method: sobol, acquisition: qUCB}",
            "generation.method: expected auto or bo, which take a model and an ",
        ),
        ("{device: tpu}", "generation.device: expected auto, cpu, cuda or, of"),
        (
            "{acquisition: qUCB, steps: [{until: {trials: 3}}, {}]}",
            "generation.steps: expected acquisition within each step, found it beside",
        ),
        (
            "{steps: [{}, {method: sobol}]}",
            "generation.steps[0].until: missing; steps[1] would never begin",
        ),
        (
            "{steps: [{modell: saas}]}",
            "generation.steps[0].modell: unknown key; did you mean model?",
        ),
        (
            "{steps: [{until: {trails: 3}}, {}]}",
            "generation.steps[0].until.trails: unknown key; did you mean trials?",
        ),
        (
            "{steps: [{until: {trials: some}}, {}]}",
            "generation.steps[0].until.trials: expected a whole number, found 'some'",
        ),
        (
            "{steps: [{until: {}}, {}]}",
            "generation.steps[0].until: expected one of trials, completed, no_better_f",
        ),
    ],
)
def test_a_generator_that_makes_no_sense_is_one_sentence(
    generation: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        parse_config(f"{GOOD}generation: {generation}\n", PATH)


def test_an_own_generator_is_kept_in_the_settings_and_nowhere_else() -> None:
    text = "generation: {generator: 'mine:Own', options: {a: [1, 2]}, seed: 7}\n"
    config = parse_config(GOOD + text, PATH)
    assert config.settings()["generation"] == {
        "method": "auto",
        "generator": "mine:Own",
        "options": {"a": [1, 2]},
    }
    assert config.generation.seed == 7


def test_names_and_steps_are_read_and_kept_in_the_settings() -> None:
    text = """generation:
  device: cpu
  steps:
    - {method: sobol, until: {trials: 20}}
    - {until: {completed: 40, no_better_for: 9}, model: single_task,
       model_options: {kernel: rbf}}
    - {model: "mine:kernel", model_options: {a: null, b: [1, 2]}, acquisition: qUCB}
"""
    settings = parse_config(GOOD + text, PATH).settings()["generation"]
    assert settings == {
        "method": "auto",
        "device": "cpu",
        "steps": [
            {"method": "sobol", "until": {"trials": 20}},
            {
                "until": {"completed": 40, "no_better_for": 9},
                "model": "single_task",
                "model_options": {"kernel": "rbf"},
            },
            {
                "model": "mine:kernel",
                "model_options": {"a": None, "b": [1, 2]},
                "acquisition": "qUCB",
            },
        ],
    }


def test_a_pack_that_makes_no_sense_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"job\.pack\.at_once: expected at least 1"):
        parse_config(
            changed("job: {", "job: {pack: {trials_per_job: 2, at_once: 0}, "), PATH
        )


# Who is told of what


def test_who_is_told_is_read_and_is_nobody_by_default() -> None:
    assert parse_config(GOOD, PATH).notify is None
    text = f"{GOOD}notify: {{command: [mail, ann], on: [best], stall_s: 60}}\n"
    section = parse_config(text, PATH).notify
    assert section is not None
    spec = section.spec(PATH.parent)
    assert spec.command == ("mail", "ann")
    assert (spec.on, spec.stall_s, spec.folder) == (("best",), 60.0, PATH.parent)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{}", "notify.command: missing"),
        ("{command: mail}", "notify.command: expected a list, found 'mail'"),
        ("{command: []}", "notify: command: expected a program and its arguments"),
        ("{command: [m], on: []}", "notify: on: expected one or more of end, pause"),
        ("{command: [m], on: [ends]}", r"notify.on\[0\]: expected 'end', 'pause'"),
        ("{command: [m], stall_s: 0}", "notify.stall_s: "),
        ("{command: [m], when: end}", "notify.when: unknown key"),
    ],
)
def test_who_is_told_is_checked(section: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(f"{GOOD}notify: {section}\n", PATH)

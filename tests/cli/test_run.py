"""From ``init`` to the best parameters, on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from hpcopt.cli.starter import CONFIG
from hpcopt.config.notify import NotifySection
from hpcopt.config.parameters import ChoiceSpec, RangeSpec
from hpcopt.config.schema import ExperimentConfig
from hpcopt.config.sections import (
    DriverSection,
    GenerationSection,
    JobSection,
    MetricSpec,
    ReportSection,
    RunSection,
)
from hpcopt.experiment.folder import read_experiment
from tests.support.cli_world import hpcopt, make_experiment
from tests.support.gated_world import change, make_config, running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_config(tmp_path)


# Init


def test_what_init_writes_passes_check_and_names_the_next_commands(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "my study"
    text = hpcopt("init", folder).stdout
    config = folder / "hpcopt.yaml"
    assert f"hpcopt check '{config}'" in text
    assert f"hpcopt run '{config}'" in text
    lines = hpcopt("check", config, "--local").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["✓", what]
        for what in ("config", "metrics", "template", "program", "folder", "runner")
    ]


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "simulate.py").write_text("mine")
    assert "nothing was written" in hpcopt("init", tmp_path, code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["simulate.py"]
    assert (tmp_path / "simulate.py").read_text() == "mine"


def test_init_takes_the_name_of_a_config(tmp_path: Path) -> None:
    hpcopt("init", tmp_path / "tune.yaml")
    assert yaml.safe_load((tmp_path / "tune.yaml").read_text())["name"] == "tune"


def test_the_config_of_init_names_every_key() -> None:
    models: list[type[BaseModel]] = [ExperimentConfig, RangeSpec, ChoiceSpec]
    models += [MetricSpec, JobSection, RunSection, GenerationSection, DriverSection]
    models += [NotifySection, ReportSection]
    for model in models:
        for key in model.model_fields:
            assert re.search(rf"^[ #-]*{key}:", CONFIG, re.MULTILINE), key


@pytest.mark.slow
def test_what_init_writes_runs_as_it_is(tmp_path: Path) -> None:
    hpcopt("init", tmp_path)
    config = tmp_path / "hpcopt.yaml"
    change(config, "max_trials: 20", "max_trials: 2")
    text = hpcopt("run", config, "--local").stdout
    assert "trial 0 completed: loss = 24.13 (the best so far)" in text
    assert "all 2 trials have ended" in text


# Check


def test_check_renders_what_would_run(config: Path) -> None:
    text = hpcopt("check", config, "--render").stdout
    assert "── script.sh" in text
    assert "program.py" in text
    assert " 0.5\n" in text
    assert "── job.sh" in text
    assert not (config.parent / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("max_trials: 3", "max_trial: 3", "did you mean max_trials"),
        ("program.py", "nothing.py", "expected a file"),
        ('"{{ python }}"', "no-such-program", "'no-such-program' on PATH, found none"),
        ("{{ x }}", "{{ z }}", "job.command"),
        (
            "folder: out",
            "folder: program.py/x",
            "folder: expected a folder to write in",
        ),
        ("/loss}", "/loss, reduce: [1]}", "reduce"),
    ],
)
def test_check_says_what_is_wrong(
    old: str, new: str, sentence: str, config: Path
) -> None:
    change(config, old, new)
    assert sentence in hpcopt("check", config, code=2).stderr


def test_a_program_that_setup_may_provide_is_doubtful_only(config: Path) -> None:
    change(config, '"{{ python }}"', "no-such-program")
    change(config, "  runner: local", "  runner: local\n  setup: [module load tools]")
    assert "does the job provide it?" in hpcopt("check", config).stdout


def test_check_looks_for_the_module_of_a_function(config: Path) -> None:
    command = 'command: ["{{ python }}", program.py, "{{ trial.folder }}", "{{ x }}"]'
    change(config, command, "function: program:loss")
    assert "program:loss" in hpcopt("check", config).stdout
    change(config, "program:loss", "nothing_here:loss")
    assert "a module nothing_here" in hpcopt("check", config, code=2).stderr


@pytest.mark.parametrize(
    ("generation", "key"),
    [
        ("generator: '{}:Own'", "generator"),
        ("model: '{}:kernel'", "model"),
        ("steps: [{{until: {{trials: 3}}}}, {{acquisition: '{}:ei'}}]", "acquisition"),
    ],
)
def test_check_looks_for_the_modules_of_your_own_generation(
    config: Path, generation: str, key: str
) -> None:
    here, nowhere = generation.format("program"), generation.format("nothing_here")
    change(config, "generation: {method: sobol}", f"generation: {{{here}}}")
    assert "✓ generator program:" in hpcopt("check", config).stdout
    change(config, here, nowhere)
    where = f"steps[1].{key}" if "steps" in generation else key
    assert (
        f"generation.{where}: expected a module nothing_here in {config.parent} or "
        "installed, found none"
    ) in hpcopt("check", config, code=2).stderr


SCRIPT = """\
#!/bin/bash
#SBATCH --output=mine.txt
ls
#SBATCH --ntasks=2
#SBATCH --mem=1G
cd {{ directory }}
{{ command }}
"""


def test_check_tells_all_that_is_wrong_with_a_batch_script(config: Path) -> None:
    (config.parent / "job.sbatch").write_text(SCRIPT)
    change(config, "  runner: local", "  runner: local\n  template: job.sbatch")
    found = hpcopt("check", config, code=2)
    assert "line 2: --output: hpcopt sets this option itself" in found.stdout
    for line in ("line 4: '#SBATCH --ntasks=2'", "line 5: '#SBATCH --mem=1G'"):
        assert f"{line} stands after the first command" in found.stderr


@pytest.mark.parametrize(
    ("script", "is_doubtful"),
    [
        ("#!/bin/bash\n./simulate {{ x }}\n", True),
        ("#!/bin/bash\ncd {{ config.folder }}\n./simulate {{ x }}\n", False),
        ("#!/bin/bash\n#SBATCH -n 2 --chdir=/data\n./simulate {{ x }}\n", False),
        ("#!/bin/bash\n{{ command }}\n", False),
    ],
    ids=["nowhere", "cd", "chdir", "command"],
)
def test_check_tells_that_a_script_does_not_say_where_it_runs(
    config: Path, script: str, is_doubtful: bool
) -> None:
    (config.parent / "job.sbatch").write_text(script)
    change(config, "  runner: local", "  runner: local\n  template: job.sbatch")
    assert ("without a cd" in hpcopt("check", config).stdout) is is_doubtful


@pytest.mark.slow
def test_run_refuses_what_is_wrong_and_logs_what_is_doubtful(config: Path) -> None:
    script = config.parent / "job.sbatch"
    script.write_text(SCRIPT)
    change(config, "  runner: local", "  runner: local\n  template: job.sbatch")
    assert "stands after the first command" in hpcopt("run", config, code=2).stderr
    assert not (config.parent / "out").exists()
    script.write_text(SCRIPT.replace("ls\n", ""))
    hpcopt("run", config)
    log = (config.parent / "out" / "driver.log").read_text()
    assert "line 2: --output: hpcopt sets this option itself" in log


# Run


@pytest.mark.slow
def test_a_run_ends_with_the_best_parameters_and_where_to_look(config: Path) -> None:
    result = hpcopt("run", config)
    assert "tiny: minimise loss, 0 of 3 trials so far" in result.stdout
    assert result.stdout.count(" completed: loss = ") == 3
    folder = config.parent / "out"
    best = json.loads(hpcopt("best", config, "--json").stdout)[0]
    assert f"loss = {best['objective']!r}  trial {best['trial']}" in result.stdout
    assert str(best["parameters"]["x"]) in result.stdout
    assert str(folder) in result.stdout
    assert f"hpcopt trials {config} --sort best" in result.stdout
    log = (folder / "driver.log").read_text()
    assert log.count(" completed: loss = ") == 3
    assert " INFO hpcopt" in log


@pytest.mark.slow
def test_a_run_can_be_continued_with_more_trials(config: Path) -> None:
    change(config, "max_trials: 3", "max_trials: 1")
    hpcopt("run", config, "--quiet")
    change(config, "max_trials: 1", "max_trials: 2")
    result = hpcopt("run", config)
    assert "1 of 2 trials so far" in result.stdout
    assert result.stdout.count(" completed: ") == 1


@pytest.mark.slow
def test_a_quiet_run_shows_the_outcome_only(config: Path) -> None:
    result = hpcopt("run", config, "-q")
    assert result.stdout.startswith("tiny: all 3 trials have ended\n")
    assert result.stderr == ""


def test_a_run_without_any_completed_trial_exits_with_1(config: Path) -> None:
    (config.parent / "fails").touch()
    result = hpcopt("run", config, code=1)
    assert result.stdout.count(" failed: ") == 3
    assert "no trial is completed" in result.stdout


def test_a_config_that_is_wrong_exits_with_2(tmp_path: Path) -> None:
    assert "cannot read the config" in hpcopt("run", tmp_path / "no", code=2).stderr


# Stop


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_and_not_its_trials(
    number: signal.Signals, config: Path
) -> None:
    with running(config) as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert f"stopped by {number.name}" in out
        assert re.search(r"running on +3 jobs", out)
        assert f"hpcopt run {config}" in out
    assert "3 completed" in after(config)


def after(config: Path, code: int = 0) -> str:
    """Return the status after the experiment was continued to its end."""
    hpcopt("run", config, code=code)
    experiment = read_experiment(config.parent / "out")
    assert [len(trial.attempts) for trial in experiment.trials] == [1, 1, 1]
    return hpcopt("status", config).output


@pytest.mark.slow
def test_two_signals_cancel_the_trials(config: Path) -> None:
    with running(config) as process:
        os.kill(process.pid, signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        os.kill(process.pid, signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGINT)
        assert "3 jobs cancelled" in err
        assert "3 abandoned" in after(config, code=1)


@pytest.mark.slow
def test_stop_asks_the_driver_and_waits_for_it(config: Path) -> None:
    with running(config) as process:
        assert "running: pid" in hpcopt("status", config).output
        text = hpcopt("stop", config, "--wait", 60).stdout
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
    assert "asked to stop by" in text
    assert "3 jobs left running" in text
    assert "asked to stop by" in out
    assert not (config.parent / "out" / "stop").exists()
    assert "3 completed" in after(config)


def test_a_second_driver_is_refused_and_leaves_the_log_alone(config: Path) -> None:
    with running(config):
        log = (config.parent / "out" / "driver.log").read_text()
        assert "is run by driver pid" in hpcopt("run", config, code=1).stderr
        assert (config.parent / "out" / "driver.log").read_text() == log


def test_stop_has_nothing_to_do_without_a_driver(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    assert "no driver runs" in hpcopt("stop", folder).stdout
    assert not (folder / "stop").exists()

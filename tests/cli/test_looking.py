"""Looking needs little: few packages, few columns, and nothing that is in order."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from hpcopt.cli.main import command_line
from hpcopt.cli.views import table
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import JOURNAL
from tests.support.cli_world import DEFINITION, EVENTS, hpcopt, make_experiment
from tests.support.large_experiment import Shape, write_experiment

ROOT = Path(__file__).parents[2]

#: What a laptop need not have.
BLOCKED = ["torch", "botorch", "gpytorch", "linear_operator", "scipy", "submitit"]
BLOCKED += ["pandas", "plotly", "matplotlib", "pyarrow", "sklearn", "jax"]

#: Runs commands in a process that cannot import some packages, and prints how each
#: exited, and what it said.
PROGRAM = """
import json, sys
blocked, commands = json.loads(sys.argv[1])

class Finder:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package in blocked:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

sys.meta_path.insert(0, Finder())
from click.testing import CliRunner
from hpcopt.cli.main import command_line
said = []
for words in commands:
    result = CliRunner().invoke(command_line, words, prog_name="hpcopt")
    said.append([result.exit_code, result.stdout, result.stderr])
import hpcopt.cli.watch.app
print(json.dumps(said))
"""


def looked(*commands: list[str]) -> list[tuple[int, str, str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([BLOCKED, commands])],
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(one) for one in json.loads(done.stdout)]


def test_looking_needs_no_torch_no_scipy_and_no_submitit(tmp_path: Path) -> None:
    original = write_experiment(tmp_path / "original", Shape(40, is_constrained=True))
    copy = str(shutil.copytree(original, tmp_path / "elsewhere" / "copy"))
    shutil.rmtree(original)
    several = str(write_experiment(tmp_path / "several", Shape(40, n_objectives=2)))
    with_log = sorted(Path(copy).glob("trials/*/attempt-0/log.txt"))[-1].parts[-3]
    commands = [
        ["status", copy],
        ["status", f"{copy}/config.yaml", "--json"],
        ["trials", copy, "--where", "cost > 0.5", "--sort", "-x1"],
        ["trials", copy, "--csv"],
        ["show", "39", copy],
        ["logs", str(int(with_log)), copy],
        ["best", copy],
        ["best", copy, "-n", "3", "--json"],
        ["pareto", several],
        ["compare", "1", "2", copy],
        ["compare", copy, several],
        ["export", str(tmp_path / "runs.csv"), copy],
        ["export", str(tmp_path / "runs.json"), copy],
        ["export", str(tmp_path / "runs.h5"), copy],
    ]
    for words, (code, said, complaint) in zip(commands, looked(*commands), strict=True):
        if words[1:2] == [f"{copy}/config.yaml"]:  # names the original's folder
            assert code == 2
            assert "the experiment is not begun yet" in complaint
            continue
        assert code == 0, (words, complaint)
        assert said


def test_what_needs_more_says_so_in_a_sentence(tmp_path: Path) -> None:
    folder = str(write_experiment(tmp_path / "e", Shape(30)))
    commands = {
        "torch": ["importance", folder],
        "botorch": ["best", "--by-model", folder],
        "pyarrow": ["export", str(tmp_path / "runs.parquet"), folder],
        "pandas": ["report", folder],
    }
    found = looked(*commands.values())
    for package, (code, said, complaint) in zip(commands, found, strict=True):
        assert (code, said) == (1, ""), complaint
        assert re.search(rf"needs .*{package}.* not installed here", complaint)
        assert len(complaint.splitlines()) == 1
    assert not list((tmp_path / "e").glob("error*"))


def test_what_is_enough_to_look_is_what_setup_cfg_asks_for() -> None:
    asked = re.findall(r"^    (\S+>=\S+)$", (ROOT / "setup.cfg").read_text(), re.M)
    lines = (ROOT / "requirements" / "look.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert [line for line in wanted if line not in asked] == []
    assert not {line.partition(">")[0].lower() for line in wanted} & {*BLOCKED}


# Bad input


def began(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "e", EVENTS[:1])


def one_trial(tmp_path: Path) -> Path:
    return write_experiment(tmp_path / "e", Shape(1, failed=0, early_stopped=0))


def failed(tmp_path: Path) -> Path:
    events = EVENTS[:4] + [
        event
        for index in range(5)
        for event in (
            ev.AttemptEnded(2e9, index, 0, Cause.TRIAL, "exit code 1"),
            ev.TrialFailed(2e9, index, Cause.TRIAL, "exit code 1"),
        )
    ]
    return make_experiment(tmp_path / "e", events)


HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e\"';שלום🚀\x07\r\n"


def hostile(tmp_path: Path) -> Path:
    """Return an experiment with texts that are to be shown and not obeyed."""
    begun, rest = EVENTS[0], EVENTS[1:]
    assert isinstance(begun, ev.ExperimentBegun)
    name = f"x{HOSTILE}"
    parameters: list[JSONValue] = [
        {"name": name, "type": "range", "bounds": [0.0, 1.0]},
        {"name": "kind", "type": "choice", "values": [HOSTILE, "b"]},
    ]
    definition = {**DEFINITION, "parameters": parameters}

    def spoilt(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.TrialsGenerated):
            trials = tuple(
                dataclasses.replace(
                    trial, parameters={name: 0.1 * trial.index, "kind": HOSTILE}
                )
                for trial in event.trials
            )
            return dataclasses.replace(event, trials=trials)
        if isinstance(event, (ev.AttemptEnded, ev.TrialFailed)):
            return dataclasses.replace(event, reason=HOSTILE)
        return event

    first = dataclasses.replace(begun, definition=definition)
    return make_experiment(tmp_path / "e", [first, *map(spoilt, rest)])


def many_parameters(tmp_path: Path) -> Path:
    return write_experiment(tmp_path / "e", Shape(6, n_extra_parameters=495))


def newer(tmp_path: Path) -> Path:
    folder = make_experiment(tmp_path / "e")
    lines = (folder / JOURNAL).read_bytes().split(b"\n")
    lines[0] = re.sub(rb'"version":\s*\d+', b'"version":99', lines[0])
    (folder / JOURNAL).write_bytes(b"\n".join(lines))
    return folder


def unreadable(tmp_path: Path) -> Path:
    folder = make_experiment(tmp_path / "e")
    (folder / JOURNAL).unlink()
    (folder / JOURNAL).mkdir()  # root may read all files, and no folder as one
    return folder


LOOKS = [
    ["status"],
    ["status", "--json"],
    ["trials"],
    ["trials", "--json"],
    ["trials", "--csv"],
    ["trials", "--where", "status != completed", "--sort", "-attempts"],
    ["best"],
    ["best", "--json"],
    ["show", "0"],
    ["show", "0", "--json"],
    ["logs", "0"],
    ["logs", "0", "--json"],
    ["compare", "0", "0"],
    ["pareto"],
    ["export", "{out}/runs.csv"],
    ["export", "{out}/runs.h5"],
]

#: What a terminal would obey.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    "make", [began, one_trial, failed, hostile, many_parameters, newer, unreadable]
)
def test_there_is_always_an_answer(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    folder = make(tmp_path)
    monkeypatch.setattr(table, "terminal_width", lambda: 40)
    for look in LOOKS:
        words = [word.format(out=tmp_path) for word in look]
        result = CliRunner().invoke(command_line, [*words, str(folder)])
        said = result.stdout + result.stderr
        assert result.exit_code in (0, 1, 2), (words, result.exception)
        assert "unexpected" not in said, (words, said)
        assert said.strip(), words
        if make in (newer, unreadable):
            assert result.exit_code == 1, (words, said)
            assert len(result.stderr.splitlines()) == 1
        if "--json" not in words and "--csv" not in words:
            assert OBEYED.search(said) is None, (words, said)
        if "--json" in words and result.exit_code == 0:
            json.loads(result.stdout)
    assert not list(folder.glob("error*"))


#: Looks at a folder, and then as somebody who may not: root may read everything.
STRANGER = """
import json, os, sys
from click.testing import CliRunner
from hpcopt.cli.main import command_line
mine, closed, *commands = json.loads(sys.argv[1])
for words in commands:  # while all modules may be read
    CliRunner().invoke(command_line, [*words, mine])
os.chmod(closed, 0)
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
said = []
for target in (closed, closed + "/inside"):
    for words in commands:
        result = CliRunner().invoke(command_line, [*words, target])
        said.append([result.exit_code, result.stdout, result.stderr])
print(json.dumps(said))
"""


def test_a_folder_without_permission_is_said_to_be_so(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    shutil.copytree(folder, tmp_path / "closed" / "inside")
    shutil.copy(folder / JOURNAL, tmp_path / "closed")
    export = ["export", str(tmp_path / "closed" / "runs.json")]
    commands = [["status"], ["trials", "--json"], ["show", "1"], ["best"], export]
    words = [str(folder), str(tmp_path / "closed"), *commands]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, json.dumps(words)],
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "closed").chmod(0o700)
    for code, said, complaint in json.loads(done.stdout):
        assert code in (1, 2)
        assert said == ""
        assert "unexpected" not in complaint
        assert re.search("Permission denied|not readable", complaint)


# Completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_given_a_script(shell: str) -> None:
    script = hpcopt("completion", shell).stdout
    assert f"_HPCOPT_COMPLETE={shell}_complete" in script


def completions(*words: str) -> list[str]:
    """Return what the shell is offered for the last one of ``words``."""
    from click.shell_completion import ShellComplete

    offers = ShellComplete(command_line, {}, "hpcopt", "_HPCOPT_COMPLETE")
    return [one.value for one in offers.get_completions([*words[:-1]], words[-1])]


def test_verbs_options_and_columns_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_experiment(tmp_path / "e")
    assert completions("tri") == ["trials"]
    assert "--where" in completions("trials", "--")
    assert completions("trials", str(folder), "--sort", "lo") == ["loss", "loss.sem"]
    monkeypatch.chdir(folder)
    assert completions("trials", "--columns", "index,ki") == ["index,kind"]
    monkeypatch.chdir(tmp_path)
    assert completions("trials", "--sort", "lo") == []
    assert click.get_current_context(silent=True) is None

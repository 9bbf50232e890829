"""The documents are true: verbs, links, configs, examples and the config's keys."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from pydantic import BaseModel

from hpcopt.cli.main import command_line
from hpcopt.config.file import load_config, parse_config
from hpcopt.config.schema import ExperimentConfig
from hpcopt.config.sections import GenerationSection
from hpcopt.runners.script.shipped import shipped_templates

ROOT = Path(__file__).parents[2]
CONFIGS = {path.name: path for path in sorted((ROOT / "configs").glob("*.yaml"))}
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *PAGES,
]

#: The languages of code blocks: what is checked here, and what is only shown.
CHECKED = ["bash", "python", "yaml"]
SHOWN = ["dockerfile", "text"]

#: Where a program would need a cluster: what comes before is run.
NEEDS_CLUSTER = "client.run_trials("


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a document, without their indentation."""
    pattern = rf"^( *)```{language}\n(.*?)^ *```$"
    found = re.findall(pattern, document.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


def all_blocks(language: str) -> list[object]:
    """Return the code blocks of all documents as parameters of a test."""
    return [
        pytest.param(block, id=f"{name_of(document)}-{number}")
        for document in DOCUMENTS
        for number, block in enumerate(blocks(document, language))
    ]


def prose(document: Path) -> str:
    """Return a document without its code blocks."""
    return re.sub(
        r"^( *)```.*?^ *```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE
    )


# What the documents say


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_relative_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", prose(document))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_prose_is_wrapped(document: Path) -> None:
    lines = prose(document).splitlines()
    # A row of a table cannot be.
    assert [s for s in lines if len(s) > 100 and not s.startswith("|")] == []


def test_the_architecture_is_read_in_one_sitting() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(text.splitlines()) <= 250


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_modules_that_a_document_names_are_there(document: Path) -> None:
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*/(?:[a-z_]+\.py)?)`", prose(document))
    rooms = {path.name for path in (ROOT / "hpcopt").iterdir()}
    ours = [name for name in named if name.split("/")[0] in rooms]
    assert [name for name in ours if not (ROOT / "hpcopt" / name).exists()] == []


def test_every_verb_is_in_the_readme_and_has_help() -> None:
    readme = (ROOT / "README.md").read_text()
    verbs = command_line.list_commands(None)  # type: ignore[arg-type]
    assert verbs
    for verb in verbs:
        assert f"| `hpcopt {verb}" in readme
        command = command_line.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None
        assert command.help


def test_the_readme_s_tables_name_what_is_shipped() -> None:
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in CONFIGS)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert all(f"`{name}`" in changelog for name in shipped_templates())


# Their code


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_code_block_says_its_language(document: Path) -> None:
    marks = re.findall(r"^ *```(.*)$", document.read_text(), re.MULTILINE)
    openings = [mark for mark in marks[::2] if not mark.startswith("{")]
    assert set(openings) <= {*CHECKED, *SHOWN}


@pytest.mark.parametrize("program", all_blocks("python"))
def test_a_python_block_runs(
    program: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.sbatch").write_text("#!/bin/bash\n")
    runnable, _, _ = program.partition(NEEDS_CLUSTER)
    assert runnable.strip()
    exec(compile(runnable, "a document", "exec"), {})


@pytest.mark.parametrize("text", all_blocks("yaml"))
def test_a_yaml_block_is_valid(text: str) -> None:
    record = yaml.load(text, Loader=yaml.BaseLoader)  # `on` is no boolean
    assert isinstance(record, dict)
    if "parameters" in record:
        parse_config(text, Path("/somewhere/experiment.yaml"))
    else:
        assert set(record) <= set(ExperimentConfig.model_fields)


@pytest.mark.parametrize("script", all_blocks("bash"))
def test_a_bash_block_names_what_there_is(script: str) -> None:
    checked = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert checked.stderr == ""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0].startswith("scripts/"):
            assert (ROOT / words[0]).exists()
        if words and Path(words[0]).name == "hpcopt":
            check_command(words[1:])


def check_command(words: list[str]) -> None:
    """Check that the options of a command are known, without running it."""
    if words in ([], ["--version"], ["--help"]):
        return
    context = click.Context(command_line, **command_line.context_settings)
    verb, command, rest = command_line.resolve_command(context, words)
    assert command is not None
    of_verb = click.Context(command, parent=context, info_name=verb)
    command.make_parser(of_verb).parse_args(args=list(rest))


def test_the_readme_s_script_has_the_parameters_of_its_config() -> None:
    readme = ROOT / "README.md"
    (config,) = [c for c in blocks(readme, "yaml") if "parameters:" in c]
    parsed = parse_config(config, Path("/somewhere/flow.yaml"))
    names = re.findall(r"\{\{ (\w+) \}\}", "".join(blocks(readme, "bash")))
    assert sorted(names) == sorted(p.name for p in parsed.parameters)


# The config reference, which is made from the models


def models() -> Iterator[type[BaseModel]]:
    """Yield the models of a config's parts."""
    todo: list[object] = [ExperimentConfig]
    while todo:
        one = todo.pop()
        todo += getattr(one, "__args__", ())
        if isinstance(one, type) and issubclass(one, BaseModel):
            todo += [field.annotation for field in one.model_fields.values()]
            yield one


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the text under each field in the source, inherited ones included."""
    texts: dict[str, str] = {}
    for cls in model.__mro__[: model.__mro__.index(BaseModel)]:
        source = (ROOT / Path(*cls.__module__.split("."))).with_suffix(".py")
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                for field, after in zip(node.body, node.body[1:], strict=False):
                    match field, after:
                        case (
                            ast.AnnAssign(target=ast.Name(id=name)),
                            ast.Expr(value=ast.Constant(value=str(text))),
                        ):
                            texts.setdefault(name, text)
    return texts


@pytest.mark.parametrize("model", dict.fromkeys(models()), ids=lambda m: m.__name__)
def test_every_key_of_a_config_is_explained(model: type[BaseModel]) -> None:
    reference = (ROOT / "docs" / "reference" / "config.md").read_text()
    assert f"{{config-keys}} {model.__module__}:{model.__name__}\n" in reference
    assert set(model.model_fields) - {"type"} <= set(texts_of(model))


def test_the_reference_s_example_has_every_key() -> None:
    config, *_ = blocks(ROOT / "docs" / "reference" / "config.md", "yaml")
    shown = yaml.load(config, Loader=yaml.BaseLoader)
    assert list(shown) == list(ExperimentConfig.model_fields)
    for section in ("job", "run", "generation", "driver"):
        model = ExperimentConfig.model_fields[section].annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        assert set(shown[section]) == set(model.model_fields) - {"function"}


def test_the_reference_s_examples_of_sections_are_read() -> None:
    _, *sections = blocks(ROOT / "docs" / "reference" / "config.md", "yaml")
    assert len(sections) == 2
    for text in sections:
        section = GenerationSection(**yaml.safe_load(text)["generation"])
        assert any(step.is_named for step in section.spec().all_steps)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_shipped_config_loads(name: str) -> None:
    loaded = load_config(CONFIGS[name])
    assert loaded.folder == ROOT / "experiments" / loaded.config.name

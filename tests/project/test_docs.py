"""The documents are true: verbs, links, configs and examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hpcopt.api.client import Client
from hpcopt.cli.main import command_line
from hpcopt.config.file import load_config, parse_config
from hpcopt.config.schema import ExperimentConfig
from hpcopt.runners.script.shipped import shipped_configs, shipped_templates

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a document, without their indentation."""
    pattern = rf"^( *)```{language}\n(.*?)^ *```$"
    found = re.findall(pattern, document.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_verb_is_in_the_readme_and_has_help() -> None:
    readme = (ROOT / "README.md").read_text()
    verbs = command_line.list_commands(None)  # type: ignore[arg-type]
    assert verbs
    for verb in verbs:
        assert f"| `hpcopt {verb}" in readme
        command = command_line.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None
        assert command.help


def test_the_readme_s_config_is_valid() -> None:
    (config,) = [c for c in blocks(ROOT / "README.md", "yaml") if "parameters:" in c]
    parsed = parse_config(config, Path("/somewhere/flow.yaml"))
    script = blocks(ROOT / "README.md", "bash")
    names = re.findall(r"\{\{ (\w+) \}\}", "".join(script))
    assert sorted(names) == sorted(p.name for p in parsed.parameters)


def test_the_readme_s_python_runs_up_to_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, _ = blocks(ROOT / "README.md", "python")
    before, separator, _ = program.partition("client.run_trials(")
    assert separator
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.sbatch").write_text("#!/bin/bash\n")
    names: dict[str, object] = {}
    exec(compile(before, "README.md", "exec"), names)
    assert isinstance(names["client"], Client)


def test_the_readme_s_asking_and_telling_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, program = blocks(ROOT / "README.md", "python")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert capsys.readouterr().out.startswith("({'wall': ")


def test_the_architecture_s_config_names_every_key() -> None:
    (config,) = blocks(ROOT / "docs" / "architecture.md", "yaml")
    documented = yaml.load(config, Loader=yaml.BaseLoader)  # `on` is no boolean
    assert list(documented) == list(ExperimentConfig.model_fields)
    for section in ("job", "run", "generation"):
        model = ExperimentConfig.model_fields[section].annotation
        assert model is not None
        fields = set(model.model_fields) - {"function"}
        assert set(documented[section]) == fields


@pytest.mark.parametrize("name", sorted(shipped_configs()))
def test_every_shipped_config_loads(name: str) -> None:
    loaded = load_config(shipped_configs()[name])
    assert loaded.folder == ROOT / "experiments" / loaded.config.name


def test_the_readme_s_tables_name_what_is_shipped() -> None:
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in shipped_configs())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert all(f"`{name}`" in changelog for name in shipped_templates())

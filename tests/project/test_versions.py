"""Versions agree: of hpcopt, of what it needs, of the Pythons that it is tested on."""

from __future__ import annotations

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hpcopt import __version__

ROOT = Path(__file__).parents[2]

SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def requirements() -> list[Requirement]:
    """Return all that setup.cfg asks for, of extras too, but an extra in another."""
    texts = [
        SETUP["options"]["install_requires"],
        *SETUP["options.extras_require"].values(),
    ]
    found = [Requirement(line) for text in texts for line in text.split("\n") if line]
    return [requirement for requirement in found if requirement.name != "hpcopt"]


def pins() -> dict[str, Version]:
    """Return the versions that scripts install, by lower-case name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {name.lower().replace("_", "-"): Version(pin) for name, pin in pairs}


def workflow() -> dict[str, Any]:
    path = ROOT / ".github" / "workflows" / "test.yml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def test_every_requirement_has_a_lowest_version_and_no_highest() -> None:
    for requirement in requirements():
        operators = [specifier.operator for specifier in requirement.specifier]
        assert operators == [">="], requirement


def test_a_package_has_one_lowest_version() -> None:
    lowest: dict[str, SpecifierSet] = {}
    for requirement in requirements():
        known = lowest.setdefault(requirement.name, requirement.specifier)
        assert known == requirement.specifier, requirement.name


def test_the_lowest_versions_are_those_that_are_asked_for() -> None:
    code = ". scripts/_environment.sh; lowest_versions"
    done = subprocess.run(
        ["/bin/bash", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lowest = {
        f"{one.name}=={next(iter(one.specifier)).version}" for one in requirements()
    }
    assert set(done.stdout.split()) == lowest


def test_what_scripts_install_is_allowed() -> None:
    known = pins()
    for requirement in requirements():
        pin = known[requirement.name.lower().replace("_", "-")]
        assert pin in requirement.specifier, requirement


def test_every_python_that_is_named_is_tested() -> None:
    matrix = workflow()["jobs"]["test"]["strategy"]["matrix"]
    tested = [Version(python) for python in matrix["python"]]
    assert tested[0] in SpecifierSet(SETUP["options"]["python_requires"])
    named = re.findall(r":: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.M)
    assert named
    assert {Version(python) for python in named} <= set(tested)


def test_the_changelog_begins_with_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(.+)\] - \d{4}-\d\d-\d\d", h) for h in headings[1:]]
    versions = [Version(match[1]) for match in released if match]
    assert len(versions) == len(released)
    assert versions == sorted(versions, reverse=True)
    # Between two releases the version is one of neither, so that journals tell.
    assert Version(__version__) >= versions[0]
    assert Version(__version__).is_devrelease or Version(__version__) == versions[0]


def test_the_changelog_groups_changes_by_their_kind() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= set(kinds)
    assert [line for line in text.splitlines() if len(line) > 100] == []


def test_hooks_before_a_commit_use_the_environment_of_the_clone() -> None:
    path = ROOT / ".pre-commit-config.yaml"
    [repo] = yaml.safe_load(path.read_text(encoding="utf-8"))["repos"]
    assert repo["repo"] == "local"
    for hook in repo["hooks"]:
        if hook["language"] == "system":
            assert hook["entry"].startswith(".venv/bin/"), hook["id"]
        else:
            assert all("==" in pin for pin in hook["additional_dependencies"])

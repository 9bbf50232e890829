"""Reads a config from YAML, with errors that name the file and the key."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hpcopt.config.notify import NotifySection
from hpcopt.config.parameters import ChoiceSpec, DerivedSpec, FixedSpec, RangeSpec
from hpcopt.config.policies import GrowingRetrySpec, OnSection, RetrySpec
from hpcopt.config.schema import ExperimentConfig
from hpcopt.config.sections import (
    DriverSection,
    GenerationSection,
    JobSection,
    MetricSpec,
    ReportSection,
    RunSection,
    StepSection,
    UntilSection,
)
from hpcopt.core.errors import ConfigError
from hpcopt.core.names import did_you_mean


@dataclass(frozen=True)
class LoadedConfig:
    """A config and the file that it came from: the anchor of its relative paths."""

    config: ExperimentConfig
    path: Path
    """Absolute."""
    text: str

    @property
    def config_folder(self) -> Path:
        """The folder of the config file."""
        return self.path.parent

    @property
    def folder(self) -> Path:
        """The experiment's folder."""
        folder = self.config.folder or f"experiments/{self.config.name}"
        return _absolute(self.config_folder / Path(folder).expanduser())


def load_config(path: Path) -> LoadedConfig:
    """Read and check a config.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or does not fit; each
            thing wrong is a line that names its key.
    """
    path = _absolute(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot read the config: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: expected UTF-8 text: {exc}") from exc
    return LoadedConfig(parse_config(text, path), path, text)


def parse_config(text: str, path: Path) -> ExperimentConfig:
    """Check the text of a config that stands, or will stand, at ``path``.

    Raises:
        ConfigError: As ``load_config``.
    """
    record = _parse_yaml(text, path)
    record.setdefault("name", path.stem)
    try:
        config = ExperimentConfig.model_validate(record)
    except ValidationError as exc:
        sentences = "\n".join(f"{path}: {line}" for line in _sentences(exc))
        raise ConfigError(sentences) from exc
    try:
        config.check()
    except ConfigError as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    return config


def _absolute(path: Path) -> Path:
    """Resolve ``..`` by name: links of a cluster's file system stay as written."""
    return Path(os.path.normpath(Path.cwd() / path))


# YAML


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2, in which every key stands once.

    Version 1.1, PyYAML's, reads ``1:30:00`` as 5400, ``1e-5`` as a string and ``on``
    as true: each a trap in a config with time limits, bounds and a key ``on``.
    """


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text.startswith(("0x", "0o")) else int(text)


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key!r} stands twice",
                problem_mark=key_node.start_mark,
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def _parse_yaml(text: str, path: Path) -> dict[str, Any]:
    try:
        record = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {exc.problem}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"{path}: not valid YAML: {exc}") from exc
    if not isinstance(record, dict):
        found = "nothing" if record is None else type(record).__name__
        raise ConfigError(f"{path}: expected keys and values, found {found}")
    return record


# Errors of pydantic as sentences

#: Parts of pydantic's locations that are not keys of the config.
_NOT_KEYS = re.compile(
    r"(range|choice|fixed|derived|int|float|str|bool)\Z|literal\[|function-|constr"
)

_TYPES = "range, choice, fixed or derived"

_SECTIONS: Mapping[str, tuple[Any, ...]] = {
    "job": (JobSection,),
    "job.on": (OnSection,),
    "job.on.memory": (GrowingRetrySpec,),
    "job.on.time": (GrowingRetrySpec,),
    "job.on.infrastructure": (RetrySpec,),
    "job.on.trial": (RetrySpec,),
    "run": (RunSection,),
    "generation": (GenerationSection,),
    "generation.steps": (StepSection,),
    "generation.steps.until": (UntilSection,),
    "driver": (DriverSection,),
    "report": (ReportSection,),
    "notify": (NotifySection,),
    "metrics": (MetricSpec,),
    "parameters": (RangeSpec, ChoiceSpec, FixedSpec, DerivedSpec),
}


def _sentences(exc: ValidationError) -> list[str]:
    """Return each thing that is wrong as a sentence that names its key, once a key."""
    found: dict[str, list[ErrorDetails]] = {}
    for error in exc.errors():
        found.setdefault(_key_path(error["loc"]), []).append(error)
    return [f"{where}: {_sentence(errors)}" for where, errors in found.items()]


def _sentence(errors: list[ErrorDetails]) -> str:
    """Return what is wrong with one key; several errors are the arms of a union."""
    error = errors[0]
    match error["type"]:
        case "missing":
            return "missing"
        case "extra_forbidden":
            return f"unknown key{_suggestion(error['loc'])}"
        case "union_tag_not_found":
            return f"the key type is missing; expected {_TYPES}"
        case "union_tag_invalid":
            found = error.get("ctx", {}).get("tag")
            return f"type: expected {_TYPES}, found {found!r}"
        case "value_error":
            return str(error.get("ctx", {}).get("error", error["msg"]))
    expected = " or ".join(dict.fromkeys(_expectation(error) for error in errors))
    return f"expected {expected}, found {error['input']!r}"


_EXPECTATIONS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "too_long": "fewer values",
}


def _expectation(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return str(error["ctx"]["expected"])
    if error["type"] == "greater_than_equal":
        return f"at least {error['ctx']['ge']:g}"
    return _EXPECTATIONS.get(error["type"], error["msg"])


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _NOT_KEYS.match(part):
            path += f".{part}" if path else part
    return path or "config"


def _suggestion(location: tuple[int | str, ...]) -> str:
    *folders, key = (str(part) for part in location if not isinstance(part, int))
    # The innermost part of a config that is known by name.
    paths = [".".join(folders[:n]) for n in range(len(folders), 0, -1)]
    models = next((_SECTIONS[p] for p in paths if p in _SECTIONS), (ExperimentConfig,))
    known = {name for model in models for name in model.model_fields}
    return did_you_mean(key, known) or f"; known: {sorted(known)}"

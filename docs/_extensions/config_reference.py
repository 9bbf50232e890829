"""The reference of a config's keys, made from the pydantic models.

``{config-keys} module:Model`` lists a model's keys: name, type, default, and the text
that stands under the field in the source. A field without such a text, and a model that
no page lists, are warnings.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from annotated_types import Ge
from docutils import nodes
from docutils.parsers.rst import directives
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from typing_extensions import override

from hpcopt.config.schema import ExperimentConfig

logger = logging.getLogger(__name__)

_WORDS: dict[Any, str] = {
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
}


class ConfigKeys(SphinxDirective):
    """Lists the keys of one section of a config."""

    required_arguments = 1
    option_spec: ClassVar = {"prefix": directives.unchanged}

    @override
    def run(self) -> list[nodes.Node]:
        model = _load(self.arguments[0])
        self._listed().add(model.__name__)
        prefix = self.options.get("prefix", "")
        items = [
            self._item(prefix, name, field, _description(model, name))
            for name, field in model.model_fields.items()
            if not _is_tag(field)
        ]
        return [nodes.definition_list("", *items, classes=["config-keys"])]

    def _listed(self) -> set[str]:
        listed: dict[str, set[str]] = _listed_models(self.env)
        return listed.setdefault(self.env.docname, set())

    def _item(
        self, prefix: str, name: str, field: FieldInfo, description: str
    ) -> nodes.definition_list_item:
        key = f"{prefix}.{name}" if prefix else name
        if not description:
            logger.warning(
                "no text under the key %s", key, location=self.get_location()
            )
        anchor = nodes.make_id(f"key-{key}")
        term = nodes.term("", "", nodes.literal("", name), ids=[anchor])
        self.state.document.note_explicit_target(term)
        body = self.parse_text_to_nodes(description)
        # What stands in for a missing key is not always in the model.
        is_required = field.is_required() and "y default" not in description
        facts = nodes.classifier("", "", *_inline(_facts(field, is_required)))
        item = nodes.definition_list_item("", term, facts, nodes.definition("", *body))
        self.set_source_info(item)  # classifiers are translated by their item's line
        return item


def _inline(text: str) -> Iterator[nodes.Node]:
    """Yield the nodes of a text with literals in backticks."""
    for position, part in enumerate(text.split("`")):
        yield nodes.literal("", part) if position % 2 else nodes.Text(part)


def _load(name: str) -> type[BaseModel]:
    module, _, model = name.partition(":")
    loaded: type[BaseModel] = getattr(import_module(module), model)
    return loaded


def _is_tag(field: FieldInfo) -> bool:
    """Whether a field says which model it is of several: the page's heading does."""
    return (
        get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
    )


def _description(model: type[BaseModel], name: str) -> str:
    """Return the text under a field, in the model or in what it is made from."""
    for cls in model.__mro__[: model.__mro__.index(BaseModel)]:
        analyzer = ModuleAnalyzer.for_module(cls.__module__)
        lines = analyzer.find_attr_docs().get((cls.__name__, name))
        if lines:
            return " ".join(lines).strip()
    return ""


def _facts(field: FieldInfo, is_required: bool) -> str:
    """Return a field's type and default in words."""
    least = [f"at least {m.ge:g}" for m in field.metadata if isinstance(m, Ge)]
    words = [_type_words(field.annotation), *least]
    if field.is_required():
        return ", ".join([*words, "required"] if is_required else words)
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        changed = default.model_dump(exclude_unset=True)
        words += [f"default `{_yaml(changed)}`"] if changed else []
    elif default is not None:
        words.append(f"default `{_yaml(default)}`")
    return ", ".join(filter(None, words))


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {_yaml(value[key])}" for key in value)
        return f"{{{inner}}}"
    return value if isinstance(value, str) else json.dumps(value)


def _type_words(annotation: Any) -> str:
    """Return a type in the words of the messages about it."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys and values"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        known = [_type_words(a) for a in arguments if a is not type(None)]
        return " or ".join(dict.fromkeys(known)).replace(
            "whole number or number", "number"
        )
    if origin is tuple:
        element = _type_words(arguments[0]) if arguments else ""
        if arguments[-1] is not Ellipsis:
            return f"list of {len(arguments)} {element}s"
        return "list" if "keys and values" in element else f"list of {element}"
    if origin is dict:
        return "keys and values"
    if arguments:  # Annotated
        return _type_words(arguments[0])
    raise TypeError(f"no words for the type {annotation!r}")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type, and those in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for argument in get_args(annotation):
        yield from _models(argument)


def _listed_models(env: BuildEnvironment) -> dict[str, set[str]]:
    """Return the models that each page lists."""
    if not hasattr(env, "config_reference_models"):
        env.config_reference_models = {}  # type: ignore[attr-defined]
    listed: dict[str, set[str]] = env.config_reference_models  # type: ignore[attr-defined]
    return listed


def _forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _listed_models(env).pop(docname, None)


def _check_complete(app: Sphinx, env: BuildEnvironment) -> None:
    listed = set().union(*_listed_models(env).values())
    for model in dict.fromkeys(_models(ExperimentConfig)):
        if model.__name__ not in listed:
            logger.warning("no page lists the keys of %s", model.__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive, and the check that it is used for every model."""
    app.add_directive("config-keys", ConfigKeys)
    app.connect("env-purge-doc", _forget)
    app.connect("env-check-consistency", _check_complete)
    return {"parallel_read_safe": False}

"""The models and acquisitions that a config may name, made from their catalogue.

``{catalogue} models`` and ``{catalogue} acquisitions`` list each name with what it is,
its options and, of an acquisition, what it is defined for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typing_extensions import override

from hpcopt.generation.catalogue import (
    ACQUISITIONS,
    MODELS,
    NamedAcquisition,
    NamedModel,
)

_KINDS: Mapping[str, Mapping[str, NamedModel | NamedAcquisition]] = {
    "models": MODELS,
    "acquisitions": ACQUISITIONS,
}


class Catalogue(SphinxDirective):
    """Lists the names of one kind."""

    required_arguments = 1

    @override
    def run(self) -> list[nodes.Node]:
        known = _KINDS[self.arguments[0]]
        items = [self._item(name, one) for name, one in known.items()]
        return [nodes.definition_list("", *items, classes=["config-keys"])]

    def _item(
        self, name: str, one: NamedModel | NamedAcquisition
    ) -> nodes.definition_list_item:
        anchor = nodes.make_id(f"{self.arguments[0]}-{name}")
        term = nodes.term("", "", nodes.literal("", name), ids=[anchor])
        self.state.document.note_explicit_target(term)
        body = [nodes.paragraph("", " ".join(_sentences(one)))]
        options = [
            nodes.list_item(
                "", nodes.paragraph("", "", nodes.literal("", key), nodes.Text(of))
            )
            for key, text in one.options.items()
            for of in [f": {text}"]
        ]
        if options:
            body.append(nodes.bullet_list("", *options))  # type: ignore[arg-type]
        item = nodes.definition_list_item("", term, nodes.definition("", *body))
        self.set_source_info(item)
        return item


def _sentences(one: NamedModel | NamedAcquisition) -> Iterator[str]:
    """Yield what a name is, and what is to be known of it."""
    yield f"{one.summary[0].upper()}{one.summary[1:]}."
    if isinstance(one, NamedModel):
        if one.extra:
            yield f"Needs pip install 'hpcopt[{one.extra}]'."
        return
    if one.for_one and one.for_several:
        goals = "one objective or several"
    else:
        goals = "one objective" if one.for_one else "several objectives"
    targets = ", also with targets" if one.knows_targets and one.for_one else ""
    yield f"For {goals}{targets}."
    if one.constraints == "weighed":
        yield (
            "It knows no outcome constraints: its value is weighed by the probability "
            "that they are satisfied."
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("catalogue", Catalogue)
    return {"parallel_read_safe": True}

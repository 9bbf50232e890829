"""Lines, boxes and notes that are no data: the shapes and annotations of a layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.patheffects as effects
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.transforms import Transform, blended_transform_factory

from hpcopt.figures import text
from hpcopt.figures.color import rgba
from hpcopt.figures.place import Place
from hpcopt.figures.properties import Properties, UntranslatableError, words
from hpcopt.figures.scatter import DASHES

#: A note has so many characters a line.
_NOTE = 34

_SHAPE_LOOK = words(
    "editable fillrule label layer legend legendgroup legendgrouptitle legendrank "
    "legendwidth name opacity showlegend templateitemname visible xsizemode ysizemode"
)

_NOTE_LOOK = words(
    "arrowcolor arrowhead arrowside arrowsize arrowwidth startarrowhead startarrowsize "
    "startstandoff standoff axref ayref bgcolor bordercolor borderpad borderwidth "
    "captureevents clicktoshow height hoverlabel hovertext name opacity "
    "templateitemname textangle valign visible width xclick xshift yclick yshift"
)


def draw_shapes(
    shapes: Sequence[Mapping[str, Any]], places: Mapping[tuple[str, str], Place]
) -> None:
    """Draw the shapes of a layout."""
    for k, told in enumerate(shapes):
        shape = Properties(told, f"layout.shapes[{k}]")
        if shape.get("visible", True):
            _draw_shape(shape, places)


def _draw_shape(shape: Properties, places: Mapping[tuple[str, str], Place]) -> None:
    place, transform = _where(shape, places)
    x0, x1 = (_along("x", shape, place, end) for end in ("x0", "x1"))
    y0, y1 = (_along("y", shape, place, end) for end in ("y0", "y1"))
    kind = shape.one_of("type", ("line", "rect", "circle"), "rect")
    line = shape.part("line")
    width = place.points(float(line.get("width", 2.0)))
    color = rgba(line.get("color", "#444444"))
    style = DASHES[line.one_of("dash", tuple(DASHES), "solid")]
    is_below = shape.one_of("layer", ("above", "below", "between"), "above") != "above"
    shape.skip(*_SHAPE_LOOK)
    opacity = float(shape.get("opacity", 1.0))
    z = 1.0 if is_below else 1.9
    fill = shape.get("fillcolor")
    how: dict[str, Any] = {
        "transform": transform,
        "linestyle": style,
        "linewidth": max(width, 0.5) if width else 0.0,
        "alpha": None if opacity == 1 else opacity,
        "zorder": z,
    }
    limits = place.ax.get_xlim(), place.ax.get_ylim()
    if kind == "line":
        place.ax.plot([x0, x1], [y0, y1], color=color, **how)
    else:
        how |= {
            "edgecolor": color if width else "none",
            "facecolor": "none" if fill is None else rgba(fill),
        }
        if kind == "rect":
            place.ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, **how))
        else:
            middle = (x0 + x1) / 2, (y0 + y1) / 2
            place.ax.add_patch(Ellipse(middle, x1 - x0, y1 - y0, **how))
    _keep(place, shape, limits)
    shape.check()


def _keep(place: Place, shape: Properties, limits: Any) -> None:
    """Let an axis to which a shape is no data be as wide as before."""
    # An axis without data has no limits of its own yet.
    if str(shape.get("xref", "x")).endswith(("domain", "paper")):
        place.ax.set_xlim(limits[0], auto=True)
    if str(shape.get("yref", "y")).endswith(("domain", "paper")):
        place.ax.set_ylim(limits[1], auto=True)


def draw_annotations(
    annotations: Sequence[Mapping[str, Any]],
    places: Mapping[tuple[str, str], Place],
    figure: Figure,
) -> None:
    """Write the annotations of a layout."""
    for k, told in enumerate(annotations):
        note = Properties(told, f"layout.annotations[{k}]")
        if note.get("visible", True):
            _write(note, places)


def _write(note: Properties, places: Mapping[tuple[str, str], Place]) -> None:
    place, transform = _where(note, places)
    x, y = (_along(way, note, place, way, is_note=True) for way in ("x", "y"))
    note.skip(*_NOTE_LOOK)
    align = note.one_of("align", ("left", "center", "right"), "center")
    font = note.part("font")
    font.skip("size", "family", "weight", "style", "variant", "shadow", "lineposition")
    font.skip("textcase")
    color = rgba(font.get("color", "#333333"))
    has_arrow = note.get("showarrow", True)
    ax, ay = note.get("ax", -10.0), note.get("ay", -30.0)
    anchors = note.get("xanchor", "auto"), note.get("yanchor", "auto")
    shift = float(note.get("xshift", 0.0)), float(note.get("yshift", 0.0))
    offset = [place.points(one) for one in shift]
    if has_arrow:
        offset = [place.points(float(ax)), -place.points(float(ay))]
    x_anchor, y_anchor = _anchors(anchors, (x, y), note, is_centred=bool(has_arrow))
    pad = {"top": -1.5, "bottom": 1.5}.get(y_anchor, 0.0)
    side = {"left": 1.5, "right": -1.5}.get(x_anchor, 0.0)
    written = place.ax.annotate(
        text.label(note.get("text", ""), _NOTE),
        (x, y),
        xycoords=transform,
        xytext=(offset[0] + side, offset[1] + pad),
        textcoords="offset points",
        ha=x_anchor,
        va=y_anchor,
        multialignment=align,
        color=color,
        fontsize=place.size.small,
        rotation=-float(note.get("textangle", 0.0)),
        arrowprops={"arrowstyle": "-|>", "linewidth": 0.7, "color": color}
        if has_arrow
        else None,
        annotation_clip=False,
        zorder=4,
    )
    halo = effects.withStroke(linewidth=0.2 * place.size.font, foreground="white")
    written.set_path_effects([halo])
    note.check()


def _anchors(
    told: tuple[Any, Any],
    at: tuple[float, float],
    note: Properties,
    *,
    is_centred: bool,
) -> tuple[str, str]:
    """Return which point of a text is at its place; by default it is kept inside."""
    thirds: list[tuple[str, str, str]] = [
        ("left", "center", "right"),
        ("bottom", "center", "top"),
    ]
    found = []
    for anchor, value, names, way in zip(told, at, thirds, "xy", strict=True):
        if anchor == "middle":
            found.append("center")
        elif anchor != "auto":
            found.append(str(anchor))
        elif is_centred or not str(note.get(f"{way}ref", way)).endswith(
            ("domain", "paper")
        ):
            found.append("center")
        else:
            found.append(names[0 if value < 1 / 3 else 1 if value < 2 / 3 else 2])
    return found[0], found[1]


def _where(
    part: Properties, places: Mapping[tuple[str, str], Place]
) -> tuple[Place, Transform]:
    """Return the subplot of a shape or a note, and in which coordinates it is."""
    x_ref, y_ref = str(part.get("xref", "x")), str(part.get("yref", "y"))
    x_id, y_id = x_ref.split(maxsplit=1)[0], y_ref.split(maxsplit=1)[0]
    place = next(
        (
            place
            for (x, y), place in places.items()
            if x_id in (x, "paper") and y_id in (y, "paper")
        ),
        None,
    )
    if place is None:
        raise UntranslatableError(
            f"{part.where} is at the axes {x_ref} and {y_ref}, along which nothing is"
        )
    ax, figure = place.ax, place.ax.figure
    is_whole = len(places) > 1
    paper = figure.transFigure if is_whole else ax.transAxes

    def of(ref: str, data: Transform) -> Transform:
        if ref == "paper":
            return paper
        return ax.transAxes if ref.endswith("domain") else data

    return place, blended_transform_factory(
        of(x_ref, ax.transData), of(y_ref, ax.transData)
    )


def _along(
    way: str, part: Properties, place: Place, name: str, *, is_note: bool = False
) -> float:
    """Return where an end of a shape, or a note, is along an axis."""
    found, ref = part.get(name, 0.0), str(part.get(f"{way}ref", way))
    if ref == "paper" or ref.endswith("domain"):
        return float(found)
    axis = place.x if way == "x" else place.y
    value: Callable[[object], float] = axis.value
    return axis.annotated(value(found)) if is_note else value(found)

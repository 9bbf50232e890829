"""Cards as files: their figures for papers and talks, their tables as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from hpcopt.analysis.card import (
    AnalysisCard,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.text import visible
from hpcopt.core.errors import UsageError
from hpcopt.core.names import expected_name
from hpcopt.figures.folder import ExportFolder
from hpcopt.figures.names import file_names

#: The formats of figures.
FIGURES = ("png", "svg", "pdf")

#: All formats.
FORMATS = (*FIGURES, "csv")


@dataclass
class Export:
    """What was written, and what was not."""

    paths: list[Path] = field(default_factory=list)
    """The files, in the order of the cards."""
    notes: list[str] = field(default_factory=list)
    """What a person should know, a sentence each."""


def write_cards(
    cards: Sequence[AnalysisCard],
    folders: Mapping[str, Path],
    size: str | float = "single",
    *,
    only: Sequence[str] = (),
    force: bool = False,
) -> Export:
    """Write the figures and the tables of cards.

    All is drawn, and checked against what is in the folders, before anything is
    written. What was written before is written again only where it has changed.

    Args:
        cards: Leaves, as ``flatten`` gives them.
        folders: Where to, by format: ``png``, ``svg``, ``pdf`` and ``csv``. They are
            made where there are none.
        size: ``single``, ``double`` or ``talk``, or a width in mm.
        only: The names of analyses, or of files without their endings; all by default.
        force: Whether files of others are replaced.

    Returns:
        What was written.

    Raises:
        UsageError: A name is unknown, matplotlib is needed and is not installed, or
            a file of somebody else is in the way.
        StorageError: A folder cannot be read or written.
    """
    named = _chosen(cards, only)
    formats = [one for one in FIGURES if one in folders]
    to = {form: ExportFolder(path) for form, path in folders.items()}
    by_path: dict[Path, ExportFolder] = {}
    for form, folder in to.items():
        to[form] = by_path.setdefault(folder.path.absolute(), folder)
    found = Export()
    for name, card in named:
        files: dict[str, bytes] = {}
        if _is_absent(card, found.notes, is_asked=bool(only)):
            continue
        if formats:
            files |= _figures(card, formats, size, found.notes, is_asked=bool(only))
        if "csv" in folders and len(card.df.columns):
            files["csv"] = _table(card)
        for form, data in files.items():
            to[form].files[f"{name}.{form}"] = data
            to[form].captions[f"{name}.{form}"] = {
                "title": visible(card.title),
                "caption": visible(card.subtitle),
            }
    filled = [folder for folder in by_path.values() if folder.files]
    if not filled and not found.notes:
        found.notes.append(
            "nothing is written: no card has anything to show so far; hpcopt report "
            "says what each waits for"
        )
    for folder in filled:
        folder.check(force=force)
    for folder in filled:
        found.paths += folder.write()
    return found


def _chosen(
    cards: Sequence[AnalysisCard], only: Sequence[str]
) -> list[tuple[str, AnalysisCard]]:
    """Return the cards with the names of their files.

    Raises:
        UsageError: A name is none of theirs.
    """
    # Named before they are chosen, so that a name does not depend on the choice.
    named = list(zip(file_names(cards), cards, strict=True))
    if not only:
        return named
    known = {card.name.lower() for card in cards} | {name.lower() for name, _ in named}
    for one in only:
        if one.lower() not in known:
            names = dict.fromkeys(card.name for card in cards)
            raise UsageError(f"--cards: {expected_name(one, names)}")
    asked = {one.lower() for one in only}
    return [
        (name, card)
        for name, card in named
        if card.name.lower() in asked or name.lower() in asked
    ]


def _is_absent(card: AnalysisCard, notes: list[str], *, is_asked: bool) -> bool:
    """Whether a card stands for one that could not be made; note why."""
    if isinstance(card, ErrorAnalysisCard):
        notes.append(f"{visible(card.title)}: {visible(card.subtitle)}")
        return True
    if isinstance(card, NotApplicableStateAnalysisCard):
        if is_asked:
            notes.append(f"{visible(card.title)}: {visible(card.blob)}")
        return True
    return False


def _figures(
    card: AnalysisCard,
    formats: Sequence[str],
    size: str | float,
    notes: list[str],
    *,
    is_asked: bool,
) -> dict[str, bytes]:
    """Return a card's figure by format; none, and a note, where there is none."""
    if not isinstance(card, PlotlyAnalysisCard):
        if is_asked:
            notes.append(f"{card.name} ({card.title}) has no figure to draw")
        return {}
    if find_spec("matplotlib") is None:
        raise UsageError(
            "figures as files need the package matplotlib, which is not installed; "
            "pip install 'hpcopt[figures]'"
        )
    from hpcopt.figures.properties import UntranslatableError
    from hpcopt.figures.render import render
    from hpcopt.figures.size import chosen_size

    try:
        rendered = render(card, formats, chosen_size(size))
    except UntranslatableError as exc:
        notes.append(f"{card.name} ({visible(card.title)}) is not drawn: {exc}")
        return {}
    notes += [f"{card.name} ({visible(card.title)}): {one}" for one in rendered.notes]
    return rendered.files


def _table(card: AnalysisCard) -> bytes:
    text: str = card.df.to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8", "backslashreplace")

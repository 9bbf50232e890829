"""The options that write an experiment's cards as files, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcopt.core.errors import UsageError

if TYPE_CHECKING:
    from hpcopt.cli.target import FoundExperiment

#: The formats, and what is said of each.
_FORMATS = {
    "png": "Write figures as pixels, 300 to an inch.",
    "svg": "Write figures as vectors, for the web and to be edited.",
    "pdf": "Write figures as vectors, for papers.",
    "csv": "Write the table behind each card.",
}

_SIZES = ("single", "double", "talk")


def figure_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options; their values are those that ``write_figures`` takes."""
    options = [
        *(
            click.option(
                f"--{form}",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help=said,
            )
            for form, said in _FORMATS.items()
        ),
        click.option(
            "--cards",
            metavar="NAME,…",
            help="Write only these: names of analyses, such as SlicePlot, or of files.",
        ),
        click.option(
            "--size",
            type=click.Choice(_SIZES),
            help="For one or two columns of a paper, or for slides.  "
            f"[default: {_SIZES[0]}]",
        ),
        click.option(
            "--width-mm",
            type=float,
            metavar="MM",
            help="The width of figures, in place of a size.",
        ),
        click.option(
            "--force", is_flag=True, help="Replace files that are in the way, too."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def are_asked_for(options: Mapping[str, Any]) -> bool:
    """Whether files are to be written.

    Raises:
        UsageError: They are not, but it is told how.
    """
    if any(options[form] is not None for form in _FORMATS):
        return True
    told = [name for name in ("cards", "size", "width_mm") if options[name] is not None]
    if told or options["force"]:
        name = told[0].replace("_", "-") if told else "force"
        forms = ", ".join(f"--{form}" for form in _FORMATS)
        raise UsageError(f"--{name} is of the files that {forms} write; name one")
    return False


def write_figures(
    experiments: Sequence[FoundExperiment], options: Mapping[str, Any]
) -> None:
    """Write the files, and say which.

    Args:
        experiments: One.
        options: The values of the options, by name.

    Raises:
        UsageError: There are several experiments, a value makes no sense, matplotlib is
            not installed, or a file is in the way.
        StorageError: A folder cannot be read or written.
    """
    if len(experiments) != 1:
        raise UsageError(
            "files of figures are of one experiment; found "
            f"{len(experiments)}: call hpcopt report for each"
        )
    width = options["width_mm"]
    size = (options["size"] or _SIZES[0]) if width is None else width
    from hpcopt.figures.choice import cards_of
    from hpcopt.figures.export import write_cards

    names = [name.strip() for name in (options["cards"] or "").split(",")]
    [one] = experiments
    modules = None if one.modules is None else str(one.modules)
    found = write_cards(
        cards_of(one.experiment, modules),
        {form: options[form] for form in _FORMATS if options[form] is not None},
        size,
        only=[name for name in names if name],
        force=options["force"],
    )
    for note in found.notes:
        click.echo(note, err=True)
    for path in found.paths:
        click.echo(path)

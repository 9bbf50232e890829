"""Write contour.png and arms.png: two figures of a made-up experiment.

Usage: PYTHONPATH=. python docs/images/figures.py, in the project's folder.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from hpcopt.figures.choice import cards_of
from hpcopt.figures.export import write_cards
from hpcopt.figures.folder import LIST
from tests.support.figure_world import mixed_experiment

#: Which card has which name here.
NAMES = {
    "ContourPlot_loss-Mean-vs-rate-width": "contour",
    "ArmEffectsPlot_Observed-Arm-Effects-on-heat": "arms",
}


def main() -> None:
    """Write the pictures beside this script."""
    here = Path(__file__).parent
    cards = cards_of(mixed_experiment("-loss", n=60))
    found = write_cards(cards, {"png": here}, only=list(NAMES), force=True)
    for path in found.paths:
        picture = Image.open(path).convert("RGB")
        small = picture.resize((picture.width // 2, picture.height // 2))
        small.quantize(128).save(here / f"{NAMES[path.stem]}.png", optimize=True)
        path.unlink()
    (here / LIST).unlink()


if __name__ == "__main__":
    main()

"""Figures and tables as files: whole, stable, and nobody else's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import plotly.graph_objects as go
import pytest

from hpcopt.analysis.card import (
    AnalysisCard,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.plotly.plotly_analysis import create_plotly_analysis_card
from hpcopt.core.errors import StorageError, UsageError
from hpcopt.figures.export import write_cards
from hpcopt.figures.folder import LIST
from hpcopt.figures.names import file_names
from hpcopt.host.durable import replace_durably

HOSTILE = "<b>\"x'</b> $y_1$ & 🦊 \u202eabc \u05d0\u05d1"


def card(name: str = "Curve", title: str = "loss", x: float = 1.0) -> AnalysisCard:
    df = pd.DataFrame({"x": [0.0, x], "name": ["a", "b, c"]})
    fig = go.Figure([go.Scatter(x=df["x"], y=[2.0, 3.0])])
    return create_plotly_analysis_card(name, title, "It falls.", df, fig)


def table(title: str = "all trials") -> AnalysisCard:
    return AnalysisCard("Summary", title, "", pd.DataFrame({"trial": [0]}), "")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_format_is_written_where_it_shall_be(tmp_path: Path) -> None:
    folders = {form: tmp_path / form for form in ("png", "svg", "pdf", "csv")}
    found = write_cards([card(), table()], folders)
    assert found.notes == []
    assert names(tmp_path / "png") == ["Curve_loss.png", LIST]
    assert names(tmp_path / "csv") == ["Curve_loss.csv", "Summary_all-trials.csv", LIST]
    assert len(found.paths) == 5
    assert (tmp_path / "csv" / "Curve_loss.csv").read_text() == (
        'x,name\n0.0,a\n1.0,"b, c"\n'
    )
    told = json.loads((tmp_path / "png" / LIST).read_text())["files"]
    assert told["Curve_loss.png"]["caption"] == "It falls."


def test_a_folder_may_have_all_formats(tmp_path: Path) -> None:
    write_cards([card()], dict.fromkeys(("png", "svg", "csv"), tmp_path))
    files = [f"Curve_loss.{form}" for form in ("csv", "png", "svg")]
    assert names(tmp_path) == [*files, LIST]


def test_files_are_the_same_each_time_and_are_not_touched(tmp_path: Path) -> None:
    first, second = (
        dict.fromkeys(("png", "svg", "pdf"), tmp_path / one) for one in "ab"
    )
    write_cards([card()], first)
    write_cards([card()], second)
    for name in names(tmp_path / "a"):
        data = (tmp_path / "a" / name).read_bytes()
        assert data == (tmp_path / "b" / name).read_bytes(), name
    before = {p: p.stat().st_ino for p in (tmp_path / "a").iterdir()}
    write_cards([card()], first)
    assert {p: p.stat().st_ino for p in before if p.name != LIST} == {
        p: inode for p, inode in before.items() if p.name != LIST
    }


def test_a_vector_file_has_its_texts_and_fonts(tmp_path: Path) -> None:
    write_cards([card()], dict.fromkeys(("svg", "pdf"), tmp_path))
    svg = ElementTree.parse(tmp_path / "Curve_loss.svg")
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "2" in texts
    pdf = (tmp_path / "Curve_loss.pdf").read_bytes()
    assert b"/FontFile2" in pdf or b"/CIDFontType2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_what_was_written_before_is_replaced(tmp_path: Path) -> None:
    write_cards([card()], {"csv": tmp_path})
    write_cards([card(x=9.0)], {"csv": tmp_path})
    assert "9.0" in (tmp_path / "Curve_loss.csv").read_text()


@pytest.mark.parametrize("is_edited", [True, False])
def test_the_files_of_others_are_left_alone(tmp_path: Path, is_edited: bool) -> None:
    if is_edited:
        write_cards([card()], {"csv": tmp_path})
    mine = tmp_path / "Curve_loss.csv"
    mine.write_text("mine")
    cards = [card("A"), card(x=9.0)]
    with pytest.raises(UsageError, match=r"Curve_loss\.csv: expected no file"):
        write_cards(cards, {"csv": tmp_path})
    assert mine.read_text() == "mine"
    assert not (tmp_path / "A_loss.csv").exists()
    write_cards(cards, {"csv": tmp_path}, force=True)
    assert mine.read_text() != "mine"


@pytest.mark.parametrize("name", ["Curve_loss.csv", LIST])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).symlink_to(target)
    with pytest.raises(UsageError, match="found a link"):
        write_cards([card()], {"csv": folder}, force=True)
    assert target.read_text() == "mine"


def test_a_list_that_is_none_and_a_folder_that_is_none_are_told(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text("[]")
    with pytest.raises(UsageError, match="expected the list of files"):
        write_cards([card()], {"csv": tmp_path})
    with pytest.raises(UsageError, match="expected a folder"):
        write_cards([card()], {"csv": tmp_path / LIST})
    below = tmp_path / LIST / "deeper"
    with pytest.raises((StorageError, UsageError)):
        write_cards([card()], {"csv": below})


def test_a_run_that_was_cut_short_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpcopt.figures import folder

    write_cards([card()], {"csv": tmp_path})
    written = replace_durably

    def fails_at_last(path: Path, write: object) -> None:
        if path.name == "Second_loss.csv":
            raise OSError(28, "No space left on device", str(path))
        written(path, write)  # type: ignore[arg-type]

    cards = [card(x=5.0), card("Second")]
    monkeypatch.setattr(folder, "replace_durably", fails_at_last)
    with pytest.raises(StorageError, match="No space left"):
        write_cards(cards, {"csv": tmp_path})
    monkeypatch.undo()
    assert len(write_cards([card(x=7.0), card("Second")], {"csv": tmp_path}).paths) == 2


def test_cards_are_chosen_by_their_analysis_or_their_file(tmp_path: Path) -> None:
    cards = [card(title="a"), card(title="b"), card("Other")]
    found = write_cards(cards, {"csv": tmp_path}, only=["curve_B", "other"])
    assert [p.name for p in found.paths] == ["Curve_b.csv", "Other_loss.csv"]
    with pytest.raises(UsageError, match="--cards: expected one of Curve, Other"):
        write_cards(cards, {"csv": tmp_path}, only=["Curves"])


def test_what_cannot_be_drawn_is_told_and_spares_the_others(tmp_path: Path) -> None:
    nothing = pd.DataFrame()
    pie = create_plotly_analysis_card(
        "Pie", "shares", "", nothing, go.Figure([go.Pie(values=[1])])
    )
    broken = create_plotly_analysis_card(
        "Broken", "", "", nothing, go.Figure([go.Scatter(y=["a"], marker_size=[1])])
    )
    broken.blob = broken.blob.replace('"size":[1]', '"size":["big"]')
    error = ErrorAnalysisCard("Bad", "Bad Error", "ValueError: no", nothing, "")
    later = NotApplicableStateAnalysisCard("Later", "Later", "", nothing, "wait")
    cards = [pie, broken, error, later, table(), card()]
    found = write_cards(cards, {"png": tmp_path})
    assert [p.name for p in found.paths] == ["Curve_loss.png"]
    first, second, third = found.notes
    assert (
        first == "Pie (shares) is not drawn: trace 0 (pie): this kind is not drawn here"
    )
    assert second.startswith("Broken () is not drawn: it cannot be drawn (ValueError")
    assert third == "Bad Error: ValueError: no"
    asked = write_cards(cards, {"png": tmp_path}, only=["Later", "Summary"])
    assert asked.notes == ["Later: wait", "Summary (all trials) has no figure to draw"]


def test_where_there_is_nothing_to_show_nothing_is_written(tmp_path: Path) -> None:
    later = NotApplicableStateAnalysisCard("Later", "Later", "", pd.DataFrame(), "wait")
    found = write_cards([later], {"png": tmp_path / "png"})
    assert found.paths == []
    assert found.notes[0].startswith("nothing is written: no card has anything to show")
    assert not (tmp_path / "png").exists()


def test_without_matplotlib_tables_are_written_and_figures_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpcopt.figures.export.find_spec", lambda _: None)
    assert len(write_cards([card()], {"csv": tmp_path}).paths) == 1
    with pytest.raises(UsageError, match=r"pip install 'hpcopt\[figures\]'"):
        write_cards([card()], {"png": tmp_path})


def test_names_of_users_are_drawn_and_harm_nothing(tmp_path: Path) -> None:
    fig = go.Figure([go.Bar(x=[1.0], y=[HOSTILE], orientation="h", name=HOSTILE)])
    fig.update_layout(xaxis_title=HOSTILE, showlegend=True)
    one = create_plotly_analysis_card(
        "Bars", HOSTILE, HOSTILE, pd.DataFrame({HOSTILE: [HOSTILE]}), fig
    )
    folders = dict.fromkeys(("png", "svg", "pdf", "csv"), tmp_path)
    found = write_cards([one], folders)
    assert len(found.paths) == 4
    [note] = found.notes
    assert "characters that the font DejaVu Sans lacks are drawn as □" in note
    svg = ElementTree.parse(tmp_path / found.paths[1].name)
    texts = [one.text or "" for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert any("$y_1$" in one for one in texts)


def test_names_of_files_are_safe_short_unique_and_stable() -> None:
    titles = [
        "loss vs. x1",
        "../../etc/passwd",
        "Cross Validation for loss (R² = 0.91)",
        "",
        "LOSS vs. x1",
        "größe",
        "x" * 300,
        "\u05d0\u05d1",
        HOSTILE,
    ]
    found = file_names([card("Plot", one) for one in titles])
    assert found[:5] == [
        "Plot_loss-vs-x1",
        "Plot_-etc-passwd",
        "Plot_Cross-Validation-for-loss",
        "Plot",
        "Plot_LOSS-vs-x1-2",
    ]
    assert found[5].startswith("Plot_groe-")
    assert len(set(map(str.lower, found))) == len(found)
    assert all(len(one) <= 120 for one in found)
    assert all(one.isascii() and one[0] != "-" for one in found)
    assert not any(character in "".join(found) for character in "/.<' ")
    assert found == file_names([card("Plot", one) for one in titles])


def test_writing_tables_loads_no_matplotlib(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys, pathlib, pandas as pd\n"
        "from hpcopt.analysis.card import AnalysisCard\n"
        "from hpcopt.figures.export import write_cards\n"
        "card = AnalysisCard('A', 'b', '', pd.DataFrame({'x': [1]}), '')\n"
        f"write_cards([card], {{'csv': pathlib.Path({str(tmp_path)!r})}})\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"

"""A pane of lines, of which only those on the screen are made."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

_BLANK = Style()


class LinePane(ScrollView, can_focus=True):
    """Lines that are scrolled, below head lines that stay.

    Whoever derives from it says how many lines there are and makes each on demand, so
    that a pane of 10,000 lines costs as much as one of ten.
    """

    DEFAULT_CSS = """
    LinePane { overflow-x: hidden; overflow-y: auto; scrollbar-size: 1 1; }
    """

    N_HEAD: ClassVar[int] = 0
    """How many lines stay on top."""

    def head(self) -> list[Text]:
        """Return the lines that stay on top."""
        return []

    def n_lines(self) -> int:
        """Return how many lines there are below them."""
        return 0

    def line(self, index: int) -> Text:
        """Return one line."""
        raise NotImplementedError(index)

    def n_cells(self) -> int:
        """Return how wide the lines are; no wider than the pane by default."""
        return self.room

    def n_fixed(self) -> int:
        """Return how many cells of a line stay when lines are scrolled sideways."""
        return 0

    @property
    def room(self) -> int:
        """The width that there is for a line, in cells."""
        return max(0, self.container_size.width - self.scrollbar_size_vertical)

    @property
    def height(self) -> int:
        """The height that there is for lines, the head included."""
        return max(0, self.container_size.height - self.scrollbar_size_horizontal)

    @property
    def n_visible(self) -> int:
        """How many lines there is room for below the head."""
        return max(0, self.height - self.N_HEAD)

    def renew(self) -> None:
        """Draw again what is shown, which has changed."""
        height = self.N_HEAD + max(1, self.n_lines())
        # A width of 0: lines that are as wide as the pane never need to be scrolled.
        width = self.n_cells()
        self.virtual_size = Size(0 if width <= self.room else width, height)
        self.refresh()

    def go_to(self, *, x: float | None = None, y: float | None = None) -> None:
        """Scroll at once, also before the scroll bars are there."""
        self.scroll_to(x, y, animate=False, force=True, immediate=True)

    def show_line(self, index: int) -> None:
        """Scroll to a line, by no more than is needed."""
        top, n = round(self.scroll_y), self.n_visible
        if index < top:
            self.go_to(y=index)
        elif index >= top + n > 0:
            self.go_to(y=index - n + 1)

    @property
    def is_at_end(self) -> bool:
        """Whether the last line is on the screen."""
        return round(self.scroll_y) >= self.max_scroll_y

    def on_resize(self) -> None:
        """Draw again in another size."""
        self.renew()

    @override
    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        if y < self.N_HEAD:
            text = self.head()[y]
        elif (index := y - self.N_HEAD + top) < self.n_lines():
            text = self.line(index)
        else:
            return Strip.blank(self.size.width)
        segments = list(text.render(self.app.console))
        whole = Strip(segments).extend_cell_length(left + self.size.width, _BLANK)
        fixed = min(self.n_fixed(), self.size.width)
        rest = whole.crop(left + fixed, left + self.size.width)
        return Strip.join([whole.crop(0, fixed), rest]).simplify()

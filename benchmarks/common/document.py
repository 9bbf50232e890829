"""The tables in docs/benchmarks.md that are made of rows, between marks."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.common.paths import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Section:
    """What stands between two marks of the document."""

    name: str

    @property
    def marks(self) -> tuple[str, str]:
        """The lines before and after."""
        return f"<!-- {self.name}: begin -->\n", f"<!-- {self.name}: end -->\n"

    def read(self) -> str:
        """Return what is there."""
        return self._parts()[1]

    def write(self, text: str) -> None:
        """Put the text there."""
        begin, end = self.marks
        head, _, tail = self._parts()
        DOCUMENT.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")

    def _parts(self) -> tuple[str, str, str]:
        begin, end = self.marks
        head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
        text, _, tail = rest.partition(end)
        return head, text.removeprefix("\n").removesuffix("\n"), tail

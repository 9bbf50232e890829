"""Where what is on the screen."""

from __future__ import annotations

#: The panes beside the table: on a small terminal, one at a time.
PANES = ("progress", "queue", "timeline", "log", "trial")

#: The keys that the last line names; ``?`` tells all. textual's own footer makes a
#: widget for each key whenever a screen opens, and does not give them back.
KEYS = (
    ("q", "Quit"),
    ("?", "Help"),
    ("/", "Filter"),
    ("c", "Cancel"),
    ("r", "Retry"),
    ("S", "Stop"),
    ("o", "Order"),
    ("b", "Best"),
)

#: From this size on all panes are shown at once, in columns and lines.
WIDE = (120, 36)

#: Nothing useful fits into less, in columns and lines.
LEAST = (40, 12)

#: On a large terminal a grid: the table at the left, three panes at its right, and the
#: log and the trial below. On a small one the table, and one pane below it.
CSS = """
Screen { layout: vertical; overflow: hidden; }
Dashboard { height: 1fr; }
#header { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
#body { layout: vertical; height: 1fr; }
#left { height: 1fr; }
#trials { height: 1fr; }
#filter { display: none; height: 1; border: none; padding: 0; }
#filter.open { display: block; }
.told { display: none; height: auto; max-height: 3; }
.told.open { display: block; }
#tabs { height: 1; }
.box { height: 1fr; display: none; }
.box.chosen { display: block; }
.box > Static { height: 1; display: none; }
#too_small { display: none; height: 1fr; }
#keys { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }

Dashboard.wide #body {
    layout: grid; grid-size: 2 4; grid-columns: 1fr 1fr; grid-gutter: 0 2;
    grid-rows: 3fr 2fr 3fr 3fr;
}
Dashboard.wide #left { row-span: 3; height: 100%; }
Dashboard.wide #tabs { display: none; }
Dashboard.wide .box { display: block; height: 100%; }
Dashboard.wide .box > Static { display: block; }

Dashboard.small > * { display: none; }
Dashboard.small > #too_small { display: block; }

ModalScreen { align: center middle; }
.dialog {
    width: auto; max-width: 90%; height: auto; max-height: 90%;
    border: round ansi_default; padding: 1 2; background: ansi_default;
}
#help { width: 70; }
"""

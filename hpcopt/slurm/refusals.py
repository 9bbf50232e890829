"""Which option is to blame when sbatch refuses a job."""

from __future__ import annotations

import re

#: sbatch names the option itself.
_NAMED = re.compile(
    r"option '--([\w-]+)|Invalid --([\w-]+) specification|for --([\w-]+)\."
)

#: It names what the option is about.
_ABOUT = (
    (re.compile(r"Invalid account or account/partition"), "account"),
    (
        re.compile(r"invalid partition|not permitted to use this partition", re.I),
        "partition",
    ),
    (re.compile(r"Invalid qos", re.I), "qos"),
    (re.compile(r"Requested reservation is invalid"), "reservation"),
    (re.compile(r"Invalid feature specification"), "constraint"),
    (re.compile(r"Invalid generic resource"), "gres"),
    (re.compile(r"Invalid license specification"), "licenses"),
    (re.compile(r"Invalid wckey"), "wckey"),
    (re.compile(r"Invalid node name"), "nodelist"),
    (re.compile(r"known by database|entry for --cluster"), "clusters"),
    (re.compile(r"Job dependency problem"), "dependency"),
    (re.compile(r"time limit", re.I), "time"),
    (re.compile(r"Memory specification"), "mem"),
)


def blamed_option(text: str) -> str:
    """Return the long name of the option that sbatch complains about, if it says so.

    Args:
        text: What sbatch wrote.
    """
    if named := _NAMED.search(text):
        return next(name for name in named.groups() if name)
    return next((option for words, option in _ABOUT if words.search(text)), "")

"""What sbatch says when it fails: one closed table of its messages.

From a message follow whether the job may exist and whether to try again, the option of
sbatch that is to blame, and what a person can do about it. What sbatch says is the only
hint at whether a job was accepted: a text that is not in the table leaves that unknown,
so that the job is looked for before it is submitted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from hpcopt.core.errors import (
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)

#: Said by each of Slurm's commands where they are installed and no cluster is set up.
NO_CLUSTER = "Could not establish a configuration source"


class SubmitLimitError(SubmissionDeferredError):
    """The user has as many jobs as may be submitted; fewer may be accepted now."""


class Meaning(IntEnum):
    """What follows from a message; of several messages the first member counts."""

    LOST = 1
    """The answer got lost on the way, whatever else is said: the job may exist."""
    SUBMIT_LIMIT = 2
    """The number of jobs that may be submitted is used up."""
    TOO_LARGE = 3
    """The job exceeds, by itself, a limit that is not about the number of jobs."""
    NOT_NOW = 4
    """Nothing was accepted, and later it may be."""
    REFUSED = 5
    """Nothing was accepted, nor would it ever be."""


@dataclass(frozen=True)
class Message:
    """One kind of message."""

    pattern: re.Pattern[str]
    """A group ``option`` is the option's long name, where sbatch says it."""
    meaning: Meaning | None
    """``None`` where the message says nothing about whether a job was accepted."""
    option: str = ""
    """The long name of the option to blame, if the message is about one."""
    advice: str = ""
    """What to do about it, in a person's words, if anything is known to help."""


def _message(
    pattern: str, meaning: Meaning | None, option: str = "", advice: str = ""
) -> Message:
    return Message(re.compile(pattern, re.IGNORECASE), meaning, option, advice)


_CORRECT = "correct the value of that option in job.slurm or the template"
_LESS_ELSEWHERE = "ask for less in job.slurm, or for another account or QOS"
_FIT_A_NODE = (
    "ask for fewer nodes, CPUs, less memory or other features: no node of the "
    "partition has all that is asked for ('sinfo -N -l' lists the nodes)"
)
_ALLOWED_TIME = (
    "set job.slurm.time to a limit that the partition allows ('sinfo' lists them)"
)
_HAS_GRES = "set job.slurm.gres or gpus to what 'sinfo -o %G' lists"

#: Advice and the option to blame are those of the first row that has them.
MESSAGES = (
    _message(
        "timed out|Zero Bytes were transmitted|Unexpected message received"
        "|receive failure|Transport endpoint is not connected|Connection reset"
        "|Broken pipe",
        Meaning.LOST,
    ),
    _message(
        r"(?-i:(Assoc|QOS)\w*Submit\w*|MaxSubmitJobs\w*|job submit limit reached)",
        Meaning.SUBMIT_LIMIT,
        advice="wait until jobs of yours have ended, or ask for a higher limit",
    ),
    _message(
        r"\b(?-i:(Assoc|QOS)(Max|Min)Wall\w+)",
        Meaning.TOO_LARGE,
        "time",
        _LESS_ELSEWHERE,
    ),
    _message(
        r"\b(?-i:(Assoc|QOS)(Max|Min|Grp)\w+)",
        Meaning.TOO_LARGE,
        advice=_LESS_ELSEWHERE,
    ),
    # No limit is named: it may be the one on submitted jobs, or the job's own.
    _message(
        "Job violates accounting/QOS policy", Meaning.NOT_NOW, advice=_LESS_ELSEWHERE
    ),
    _message(
        "Unable to contact slurm controller"
        "|temporarily unable to accept job|job queue full"
        "|Resource temporarily unavailable|Connection refused"
        "|Rate limit exceeded|backup controller in standby"
        "|Protocol authentication error|Invalid authentication credential"
        "|Requested nodes are busy"
        "|Required partition not available|Required node not available"
        "|Requested partition configuration not available now",
        Meaning.NOT_NOW,
    ),
    _message("can't be reached now", Meaning.NOT_NOW, "clusters"),
    # Said of a network file system that lags: the script was just written and synced.
    _message("Batch script is empty|Unable to open file", Meaning.NOT_NOW),
    # No configuration: a shared file system or a configuration server that is away.
    _message(
        f"Unable to process configuration file|cannot stat file|{NO_CLUSTER}",
        Meaning.NOT_NOW,
    ),
    # Noted by hpcopt itself.
    _message("sbatch could not be started", Meaning.NOT_NOW),
    _message(
        r"unrecognized option(?: '--(?P<option>[\w-]+))?",
        Meaning.REFUSED,
        advice="the names under job.slurm and in #SBATCH lines are sbatch's long ones, "
        "and this sbatch does not know that one",
    ),
    _message(
        r"(?:option '--(?P<option>[\w-]+).*)?is ambiguous; possibilities",
        Meaning.REFUSED,
    ),
    _message(r"option '--(?P<option>[\w-]+)", None),
    _message(r"Invalid --(?P<option>[\w-]+)", Meaning.REFUSED, advice=_CORRECT),
    _message(
        r"Invalid numeric value(?:.*for --(?P<option>[\w-]+)\.)?",
        Meaning.REFUSED,
        advice=_CORRECT,
    ),
    _message(r"for --(?P<option>[\w-]+)\.", None),
    _message(
        "Invalid account or account/partition",
        Meaning.REFUSED,
        "account",
        "set job.slurm.account to an account of yours ('sacctmgr show assoc "
        "user=$USER' lists them) that may use the partition",
    ),
    _message(
        "Invalid qos",
        Meaning.REFUSED,
        "qos",
        "set job.slurm.qos to a QOS of your account, or leave it out",
    ),
    _message(
        "Invalid partition (name|specified)",
        Meaning.REFUSED,
        "partition",
        "set job.slurm.partition to one that 'sinfo' lists, or leave it out",
    ),
    _message("group not permitted to use this partition", Meaning.REFUSED, "partition"),
    _message(
        "Requested reservation is invalid",
        Meaning.REFUSED,
        "reservation",
        "set job.slurm.reservation to one that 'scontrol show reservation' lists and "
        "that is yours to use, or leave it out",
    ),
    _message(
        "Invalid feature specification",
        Meaning.REFUSED,
        "constraint",
        "set job.slurm.constraint to features that 'sinfo -o %f' lists",
    ),
    _message("Invalid generic resource", Meaning.REFUSED, "gres", _HAS_GRES),
    _message("Invalid Trackable RESource", Meaning.REFUSED, advice=_HAS_GRES),
    _message(
        "Invalid license specification",
        Meaning.REFUSED,
        "licenses",
        "set job.slurm.licenses to what 'scontrol show lic' lists",
    ),
    _message(
        "Memory specification can not be satisfied", Meaning.REFUSED, "mem", _FIT_A_NODE
    ),
    _message(
        "Requested node configuration is not available"
        "|CPU count (per node )?can not be|More processors requested than permitted",
        Meaning.REFUSED,
        advice=_FIT_A_NODE,
    ),
    _message(
        "Requested time limit is invalid|Time limit specification required",
        Meaning.REFUSED,
        "time",
        _ALLOWED_TIME,
    ),
    _message("Invalid wckey", Meaning.REFUSED, "wckey"),
    _message("Invalid node name specified", Meaning.REFUSED, "nodelist"),
    _message("known by database", None, "clusters"),
    _message("Job dependency problem", Meaning.REFUSED, "dependency"),
    _message(
        "Invalid job array specification|Access/permission denied"
        "|This does not look like a batch script|Pathname of a file, directory or other"
        "|Invalid directive found",
        Meaning.REFUSED,
    ),
)

#: What sbatch exits with when it cannot read its own command line.
_USAGE_ERROR = 255


def submission_error(text: str, code: int | None = None) -> RunnerError:
    """Return the error for what a failed sbatch said.

    Args:
        text: All that sbatch wrote.
        code: Its exit code; ``None`` when it was killed, or its driver died before.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = "; ".join(lines) or "nothing"
    meanings = (row.meaning for row, _ in _found(text))
    meaning = min((one for one in meanings if one is not None), default=None)
    # Cut off between two of its own tries, one of them may have been heard.
    if code is None and lines and "retrying" in lines[-1]:
        meaning = Meaning.LOST
    if meaning in (None, Meaning.REFUSED) and code == _USAGE_ERROR:
        meaning = Meaning.REFUSED
    match meaning:
        case Meaning.LOST:
            why = f"sbatch may have been heard; it said: {words}"
            return SubmissionUnknownError(why)
        case Meaning.SUBMIT_LIMIT:
            return SubmitLimitError(f"a limit on submitted jobs is reached: {words}")
        case Meaning.TOO_LARGE:
            return SubmissionRefusedError(f"sbatch: a limit is exceeded: {words}")
        case Meaning.NOT_NOW:
            return SubmissionDeferredError(f"sbatch is not possible now: {words}")
        case Meaning.REFUSED:
            return SubmissionRefusedError(f"sbatch refused the job: {words}")
    how = "was cut off" if code is None else f"exited {code}"
    return SubmissionUnknownError(f"sbatch {how}; it said: {words}")


def is_denied(text: str) -> bool:
    """Whether what sbatch said, before it or its driver was cut off, is a clear no."""
    return not isinstance(submission_error(text), SubmissionUnknownError)


def advice(text: str) -> str:
    """Return what to do about what sbatch said; empty if nothing is known to help."""
    return next((row.advice for row, _ in _found(text) if row.advice), "")


def blamed_option(text: str) -> str:
    """Return the long name of the option that sbatch complains about, if it says so."""
    blamed = (
        match.groupdict().get("option") or row.option for row, match in _found(text)
    )
    return next(filter(None, blamed), "")


def _found(text: str) -> Iterator[tuple[Message, re.Match[str]]]:
    """Yield the rows of the table that a text has, in their order."""
    for row in MESSAGES:
        if (match := row.pattern.search(text)) is not None:
            yield row, match

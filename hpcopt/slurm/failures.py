"""What a failed sbatch means: a closed table of Slurm's texts.

What Slurm says is the only hint at whether a job was accepted. A text that is not in
the table leaves that unknown, so that the job is looked for before it is submitted
again.
"""

from __future__ import annotations

import re

from hpcopt.core.errors import (
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)

#: The number of jobs that may be submitted is used up: fewer may be accepted now.
_SUBMIT_LIMIT = re.compile(
    r"(Assoc|QOS)\w*Submit\w*|MaxSubmitJobs\w*|job submit limit reached",
)

#: The answer got lost on the way, whatever else is said: the job may exist.
_LOST = re.compile(
    r"timed out|Zero Bytes were transmitted|Unexpected message received"
    r"|receive failure|Transport endpoint is not connected|Connection reset"
    r"|Broken pipe",
    re.IGNORECASE,
)

#: Nothing was accepted, and later it may be.
_DEFERRED = re.compile(
    r"Unable to contact slurm controller"
    r"|temporarily unable to accept job|job queue full"
    r"|Resource temporarily unavailable|Connection refused"
    r"|Rate limit exceeded|backup controller in standby"
    r"|Protocol authentication error|Invalid authentication credential"
    r"|Requested nodes are busy|can't be reached now"
    r"|Required partition not available|Required node not available"
    r"|Requested partition configuration not available now"
    # Said of a network file system that lags: the script was just written and synced.
    r"|Batch script is empty|Unable to open file"
    # No configuration: a shared file system or a configuration server that is away.
    r"|Unable to process configuration file|cannot stat file"
    r"|Could not establish a configuration source"
    # Noted by hpcopt itself.
    r"|sbatch could not be started",
    re.IGNORECASE,
)

#: A limit that is not about the number of jobs: this job exceeds it by itself.
_OWN_LIMIT = re.compile(r"\b(Assoc|QOS)(Max|Min|Grp)\w+")

#: The same with no limit named: it may be either.
_ANY_LIMIT = re.compile(r"Job violates accounting/QOS policy")

#: Nothing was accepted, nor would it ever be.
_REFUSED = re.compile(
    r"Invalid account or account/partition combination|Invalid partition name"
    r"|invalid partition specified|Invalid qos|Invalid wckey"
    r"|Requested node configuration is not available"
    r"|Requested reservation is invalid|Invalid job array specification"
    r"|Invalid feature specification|Invalid generic resource"
    r"|Invalid license specification|Invalid Trackable RESource"
    r"|Memory specification can not be satisfied|CPU count (per node )?can not be"
    r"|More processors requested than permitted|Requested time limit is invalid"
    r"|Time limit specification required|group not permitted to use this partition"
    r"|Access/permission denied|Job dependency problem|Invalid numeric value"
    r"|This does not look like a batch script|Pathname of a file, directory or other"
    r"|unrecognized option|Invalid --|is ambiguous; possibilities"
    r"|Invalid node name specified|Invalid directive found",
    re.IGNORECASE,
)

#: What sbatch exits with when it cannot read its own command line.
_USAGE_ERROR = 255


def is_submit_limit(text: str) -> bool:
    """Whether the limit on the number of submitted jobs was met."""
    return _SUBMIT_LIMIT.search(text) is not None


def submission_error(text: str, code: int | None = None) -> RunnerError:
    """Return the error for what a failed sbatch said.

    Args:
        text: All that sbatch wrote.
        code: Its exit code; ``None`` when it was killed, or its driver died before.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = "; ".join(lines) or "nothing"
    # Cut off between two of its own tries, one of them may have been heard.
    is_cut_off = code is None and bool(lines) and "retrying" in lines[-1]
    if _LOST.search(text) or is_cut_off:
        return SubmissionUnknownError(f"sbatch may have been heard; it said: {words}")
    if is_submit_limit(text):
        return SubmissionDeferredError(f"a limit on submitted jobs is reached: {words}")
    if _OWN_LIMIT.search(text):
        return SubmissionRefusedError(f"sbatch: a limit is exceeded: {words}")
    if _ANY_LIMIT.search(text) or _DEFERRED.search(text):
        return SubmissionDeferredError(f"sbatch is not possible now: {words}")
    if code == _USAGE_ERROR or _REFUSED.search(text):
        return SubmissionRefusedError(f"sbatch refused the job: {words}")
    how = "was cut off" if code is None else f"exited {code}"
    return SubmissionUnknownError(f"sbatch {how}; it said: {words}")


def is_denied(text: str) -> bool:
    """Whether what sbatch said, before it or its driver was cut off, is a clear no."""
    error = submission_error(text)
    return not isinstance(error, SubmissionUnknownError)

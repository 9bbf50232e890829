"""What Slurm's words for a job's state mean: a closed table.

A word that is not in it means nothing: the job is waited for.
"""

from __future__ import annotations

import re
import signal

from hpcopt.core.trial import Cause, Phase

_WAITING = frozenset(
    {
        "PENDING",
        "CONFIGURING",
        "EXPEDITING",
        "POWER_UP_NODE",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESV_DEL_HOLD",
        "SPECIAL_EXIT",
    }
)
_RUNNING = frozenset(
    {
        "RUNNING",
        "COMPLETING",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
        "UPDATE_DB",
    }
)
#: Known, and yet no verdict: another cluster of a federation has taken the job.
_ELSEWHERE = frozenset({"REVOKED"})

_ENDED = {
    "COMPLETED": (Cause.SUCCESS, "the job completed"),
    "FAILED": (Cause.TRIAL, "the job failed"),
    "TIMEOUT": (Cause.TIME, "the job reached its time limit"),
    "DEADLINE": (Cause.TIME, "the job reached its deadline"),
    "OUT_OF_MEMORY": (Cause.MEMORY, "the job ran out of memory"),
    "CANCELLED": (Cause.USER, "the job was cancelled"),
    "NODE_FAIL": (Cause.INFRASTRUCTURE, "a node of the job failed"),
    "BOOT_FAIL": (Cause.INFRASTRUCTURE, "a node of the job did not boot"),
    "LAUNCH_FAILED": (Cause.INFRASTRUCTURE, "the job could not be launched"),
    "RECONFIG_FAIL": (Cause.INFRASTRUCTURE, "a node could not be reconfigured"),
    "PREEMPTED": (Cause.INFRASTRUCTURE, "the job was preempted"),
}

#: Ends for which a node is to blame, where the job had but one.
_BLAMES_NODE = frozenset({"NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL"})

#: The name of one node, and not of several, as in ``n[1-4]``.
_ONE_NODE = re.compile(r"[\w.-]+", re.ASCII)

#: Reasons for which a job waits until somebody does something about it.
_ADVICE = {
    "PartitionNodeLimit": "it asks for more nodes than the partition has",
    "PartitionTimeLimit": "its time limit exceeds the partition's",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition takes no jobs just now",
    "DependencyNeverSatisfied": "what it depends on failed",
    "InvalidAccount": "its account does not exist any more",
    "InvalidQOS": "its QOS does not exist any more",
    "JobHeldUser": "it is held; 'scontrol release' lets it go on",
    "JobHeldAdmin": "an administrator holds it",
    "job requeued in held state": "it was requeued and is held",
    "JobHoldMaxRequeue": "it was requeued too often and is held",
    "launch failed requeued held": "its launch failed and it is held",
    "BadConstraints": "no node has what it asks for",
    "ReqNodeNotAvail": "a node that it needs is down or reserved",
    "AssocGrpCPUMinutesLimit": "the account's CPU minutes are used up",
    "AssocGrpBillingMinutes": "the account's budget is used up",
    "QOSGrpCPUMinutesLimit": "the QOS's CPU minutes are used up",
}


def read_word(text: str) -> str:
    """Return the word in ``CANCELLED by 0``, ``CANCELLED+`` or ``running``."""
    words = text.split()
    return words[0].rstrip("+").upper() if words else ""


def is_known(word: str) -> bool:
    """Whether the word is in the table."""
    return word in _ENDED or word in _WAITING | _RUNNING | _ELSEWHERE


def phase_of(word: str) -> Phase:
    """Return the phase that a word stands for; ``UNKNOWN`` for a word not known."""
    if word in _ENDED:
        return Phase.ENDED
    if word in _WAITING:
        return Phase.WAITING
    return Phase.RUNNING if word in _RUNNING else Phase.UNKNOWN


def cause_of(word: str) -> Cause:
    """Return why a job ended, by its terminal word."""
    return _ENDED[word][0]


def bad_node(word: str, node: str) -> str | None:
    """Return the node that is to blame for the end of a job, if one is."""
    if word in _BLAMES_NODE and _ONE_NODE.fullmatch(node) and node != "None":
        return node
    return None


def why_ended(text: str, exit_code: int | None, signal_number: int) -> str:
    """Return one sentence on the end of a job.

    Args:
        text: Its terminal state, as Slurm has it.
        exit_code: The exit code of the job's script, if that is known.
        signal_number: The signal that killed the script, or 0.
    """
    word = read_word(text)
    if word == "FAILED" and signal_number:
        return f"the job was killed by {signal_name(signal_number)}"
    if word == "FAILED" and exit_code:
        return f"exit code {exit_code}"
    _, _, uid = text.partition(" by ")
    return _ENDED[word][1] + (f" by uid {uid}" if word == "CANCELLED" and uid else "")


def why_waiting(word: str, reason: str) -> str:
    """Return one sentence on why a job waits."""
    if word == "SPECIAL_EXIT":
        return "waits: it ended in a way that its site handles; ask your administrators"
    if reason in {"", "None"}:
        return ""
    # "ReqNodeNotAvail, UnavailableNodes:n1" and the like
    advice = _ADVICE.get(reason) or _ADVICE.get(reason.partition(",")[0])
    return f"waits: {reason}" + (f" ({advice})" if advice else "")


def signal_name(number: int) -> str:
    """Return ``signal 9 (SIGKILL)``."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"

"""What Slurm's words for a job's state mean: a closed table.

A word that is not in it means nothing: the job is waited for.
"""

from __future__ import annotations

import re
import signal

from hpcopt.core.trials.trial import Cause, Phase

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

#: Reasons for which a job waits in vain until somebody does something, and what.
_STUCK = {
    "PartitionNodeLimit": "it asks for more or fewer nodes than its partition gives: "
    "change nodes, or partition",
    "PartitionTimeLimit": "its time limit exceeds the partition's: lower time, or "
    "choose another partition",
    "PartitionDown": "its partition is down: wait for it, or choose another one",
    "PartitionInactive": "its partition starts no jobs just now: wait for it, or "
    "choose another one",
    "BadConstraints": "no node has what it asks for: change what it asks for",
    "DependencyNeverSatisfied": "what it depends on has failed: remove dependency",
    "AccountNotAllowed": "its account may not use this partition: change account",
    "QOSNotAllowed": "its QOS may not be used in this partition: change qos",
    "InvalidAccount": "its account does not exist any more: change account",
    "InvalidQOS": "its QOS does not exist any more: change qos",
    "ReservationDeleted": "its reservation was deleted: change reservation",
    "ReqNodeNotAvail": "a node that it needs is down or reserved, perhaps for a "
    "maintenance that it would run into: wait, or lower time",
}

#: The same for families of reasons.
_STUCK_FAMILIES = (
    (
        re.compile(r"(Assoc|QOS)Grp(?!\w*RunMinutes)\w*Minutes\w*"),
        "the budget of the account or QOS is used up: ask for more, or change account "
        "or qos",
    ),
    (
        re.compile(r"(Assoc|QOS)(Max|Min)\w*(PerJob|PerNode|NotSatisfied)\w*"),
        "it asks for more, or less, than the account or QOS lets one job have: change "
        "what it asks for",
    ),
)

#: Reasons of jobs that a person holds, and who lets them go on.
_HELD = {
    "JobHeldUser": "it is held; 'scontrol release' lets it go on",
    "JobHeldAdmin": "an administrator holds it: ask why",
    "job requeued in held state": "it is held; 'scontrol release' lets it go on",
}

#: Reasons of jobs that Slurm itself holds after what failed was not their doing. It
#: lets them go on no more, nor does anybody else, as a rule.
_UNSTARTABLE = {
    "launch failed requeued held": "its launch failed: look for what fails on its node",
    "JobHoldMaxRequeue": "it was requeued too often: look for what fails on its nodes",
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
    return node if word in _BLAMES_NODE and is_one_node(node) else None


def is_one_node(node: str) -> bool:
    """Whether this names one node, as Slurm writes it."""
    return node != "None" and _ONE_NODE.fullmatch(node) is not None


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
    advice = _stuck_advice(reason) or _HELD.get(reason) or _UNSTARTABLE.get(reason)
    return f"waits: {reason}" + (f" ({advice})" if advice else "")


def is_held(reason: str) -> bool:
    """Whether a person has the job wait, by the reason why it is pending."""
    return reason in _HELD


def is_unstartable(reason: str) -> bool:
    """Whether Slurm holds the job as it could not start it, by its pending reason."""
    return reason in _UNSTARTABLE


def is_stuck(word: str, reason: str) -> bool:
    """Whether a job waits for something that does not come about by waiting.

    What a user has held, or a site handles in a way of its own, is not counted: the
    next jobs are none the worse for it.
    """
    return word != "SPECIAL_EXIT" and _stuck_advice(reason) is not None


def _stuck_advice(reason: str) -> str | None:
    # "ReqNodeNotAvail, UnavailableNodes:n1" and the like
    family = reason.partition(",")[0]
    advice = _STUCK.get(reason) or _STUCK.get(family)
    if advice is not None:
        return advice
    return next((a for p, a in _STUCK_FAMILIES if p.fullmatch(family)), None)


def signal_name(number: int) -> str:
    """Return ``signal 9 (SIGKILL)``."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"

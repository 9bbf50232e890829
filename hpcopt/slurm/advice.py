"""What to do about a job that sbatch refuses, in a person's words."""

from __future__ import annotations

import re

#: What sbatch says, and what to do about it; the first that fits counts.
_ADVICE = (
    (
        "Invalid account or account/partition combination",
        "set job.slurm.account to an account of yours ('sacctmgr show assoc "
        "user=$USER' lists them) that may use the partition",
    ),
    ("Invalid qos", "set job.slurm.qos to a QOS of your account, or leave it out"),
    (
        "[Ii]nvalid partition",
        "set job.slurm.partition to one that 'sinfo' lists, or leave it out",
    ),
    (
        "reservation is invalid",
        "set job.slurm.reservation to one that 'scontrol show reservation' lists and "
        "that is yours to use, or leave it out",
    ),
    (
        "Invalid feature specification",
        "set job.slurm.constraint to features that 'sinfo -o %f' lists",
    ),
    (
        r"Invalid generic resource|Invalid Trackable RESource",
        "set job.slurm.gres or gpus to what 'sinfo -o %G' lists",
    ),
    ("Invalid license", "set job.slurm.licenses to what 'scontrol show lic' lists"),
    (
        "unrecognized option",
        "the names under job.slurm and in #SBATCH lines are sbatch's long ones, and "
        "this sbatch does not know that one",
    ),
    (
        r"Invalid --([\w-]+)|Invalid numeric value",
        "correct the value of that option in job.slurm or the template",
    ),
    (
        "node configuration is not available|[Mm]emory specification can not be"
        "|CPU count (per node )?can not be|More processors requested",
        "ask for fewer nodes, CPUs, less memory or other features: no node of the "
        "partition has all that is asked for ('sinfo -N -l' lists the nodes)",
    ),
    (
        "time limit",
        "set job.slurm.time to a limit that the partition allows ('sinfo' lists them)",
    ),
    (
        r"(Assoc|QOS)(Max|Min|Grp)\w+",
        "ask for less in job.slurm, or for another account or QOS",
    ),
)


def advice(text: str) -> str:
    """Return what to do about what sbatch said; empty if nothing is known to help."""
    return next((what for said, what in _ADVICE if re.search(said, text)), "")

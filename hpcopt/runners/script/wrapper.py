"""The wrapper: the bash program that runs a trial's script exactly once.

It serves Slurm jobs, array tasks and local processes alike. Decision 3 in
``docs/decisions`` says what it promises.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from hpcopt.runners.script.exit_status import CANNOT_WRITE

_SHEBANG = "#!/bin/bash"

_NOTICE = """\
# Written by hpcopt, which runs this file for one attempt of one trial, once.
# The trial's own script is script.sh, in the same folder.
"""

# Why it is written as it is:
# * A job that is requeued by Slurm keeps its id and may run again; a job with another
#   id is a second submission of the same attempt, and leaves.
# * `started` is empty for an instant while another job writes it: hence the patience.
# * `set -m` around the launch: without it bash starts background processes with INT
#   and QUIT ignored for good. With it the script leads a process group of its own.
# * A signal that arrives before the script runs is kept, and delivered then.
# * `wait` returns when a trap has run; only an undisturbed one tells the exit code.
# * Where the script ends in the moment in which a signal arrives, as when all processes
#   of a job get TERM, bash 5.2 loses its exit code, and `wait` says -1. That the signal
#   has ended it is then what is known.
# * A job on a node that was cut off may go on while Slurm runs it anew elsewhere. Then
#   `started` is no longer its own, and its exit code is not what the driver waits for.
# * A controller that was away while a job ended may run it again. If its exit code was
#   0, and no signal had told it to end, its result is there, and perhaps read.
# * A script that was told to end by a signal may exit with 0, its checkpoint saved, and
#   be run again: the signal is written down beside the exit code, also one that comes
#   while that is being written.
# * `ended` is one line, and counts once its end is there: it needs no other name first.
# * Where builtins do, no program is started: short trials wait for nothing else.
_BODY = r"""
say() { printf 'hpcopt: %s\n' "$*" >&2; }

script=
interrupted=
latest=
kept=()
forward() {
    interrupted=yes
    latest=$1
    if [[ -n $script ]]; then
        kill -s "$1" "$script" 2>/dev/null
    else
        kept+=("$1")
    fi
}
for signal in TERM INT HUP USR1 USR2 CONT; do
    trap "forward $signal" "$signal"
done

if [[ -n ${HPCOPT_JOB_ID:-} ]]; then
    job_id=$HPCOPT_JOB_ID
elif [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    job_id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
else
    job_id=${SLURM_JOB_ID:-by-hand-$$}
fi
unset HPCOPT_JOB_ID

started=$HPCOPT_TRIAL_FOLDER/started
ended=$HPCOPT_TRIAL_FOLDER/ended
read -r host < /proc/sys/kernel/hostname
read -r boot_id < /proc/sys/kernel/random/boot_id
read -r stat < "/proc/$$/stat"
read -r -a stat <<< "${stat##*) }"
identity="$job_id $host $$ $boot_id ${stat[19]}"

set -o noclobber
{ printf '%s\n' "$identity" > "$started"; } 2>/dev/null
claimed=$?
set +o noclobber
if ((claimed != 0)); then
    owner=
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [[ -e $started ]] || break
        read -r owner _ < "$started" && break
        sleep 1
    done
    if [[ -z $owner ]]; then
        say "cannot write $started; is the disk full, or the quota used up?"
        exit CANNOT_WRITE
    elif [[ $owner != "$job_id" ]]; then
        say "job $owner runs or ran this attempt already; job $job_id leaves"
        exit 0
    fi
    code=
    told=
    [[ ! -e $ended ]] || read -r code told < "$ended"
    if [[ $code == 0 && -z $told ]]; then
        say "job $job_id has run this attempt to its end already, and leaves"
        exit 0
    fi
    say "job $job_id runs again, on $host"
    rm -f -- "$ended"
    if ! printf '%s\n' "$identity" > "$started.tmp" ||
        ! mv -f -- "$started.tmp" "$started"; then
        say "cannot write $started"
        exit CANNOT_WRITE
    fi
fi

if [[ -n ${SLURM_CPUS_PER_TASK:-} && -z ${SRUN_CPUS_PER_TASK:-} ]]; then
    # srun has not taken this from sbatch since Slurm 22.05.
    export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
fi

set -m
"$HPCOPT_TRIAL_FOLDER/script.sh" &
script=$!
set +m
for signal in "${kept[@]}"; do
    kill -s "$signal" "$script" 2>/dev/null
done
while
    interrupted=
    wait "$script"
    code=$?
    [[ -n $interrupted ]]
do :; done

for signal in TERM INT HUP USR1 USR2 CONT; do
    trap "latest=$signal" "$signal"
done
if ((code < 0)); then
    code=$((128 + $(kill -l "$latest")))
fi
read -r owner < "$started"
if [[ $owner != "$identity" ]]; then
    say "this attempt was begun again elsewhere; exit code $code is not recorded"
    exit "$code"
fi
while
    told=$latest
    printf '%s\n' "$code${told:+ $told}" > "$ended" && is_noted=yes || is_noted=
    [[ $told != "$latest" ]]
do :; done
trap '' TERM INT HUP USR1 USR2
if [[ -z $is_noted ]]; then
    say "cannot write the exit code $code to $ended"
    ((code == 0)) || code=CANNOT_WRITE
fi
exit "$code"
"""

_BODY = _BODY.replace("CANNOT_WRITE", str(CANNOT_WRITE))


def wrapper(
    directives: Sequence[str], variables: Mapping[str, str], python_path: str
) -> str:
    """Return the text of ``job.sh``.

    Args:
        directives: The ``#SBATCH`` lines of the trial's script.
        variables: The environment of the trial; ``HPCOPT_TRIAL_FOLDER`` among them.
        python_path: A folder to look for Python modules in before all others; may be
            empty.
    """
    exports = [f"export {name}={shlex.quote(text)}" for name, text in variables.items()]
    if python_path:
        exports.append(
            f"export PYTHONPATH={shlex.quote(python_path)}${{PYTHONPATH:+:$PYTHONPATH}}"
        )
    head = "\n".join([_SHEBANG, *directives, _NOTICE])
    return head + "\n".join(exports) + "\n" + _BODY

#!/bin/bash
# Written by hpcopt, which runs this file for one attempt of one trial, once.
# The trial's own script is script.sh, in the same folder.
export OMP_NUM_THREADS=4
export NOTE='it'"'"'s'
export HPCOPT_EXPERIMENT_FOLDER=/scratch/demo
export HPCOPT_TRIAL_FOLDER=/scratch/demo/trials/0007/attempt-1
export HPCOPT_TRIAL_INDEX=7
export HPCOPT_ATTEMPT=1

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
        exit 74
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
        exit 74
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
    ((code == 0)) || code=74
fi
exit "$code"

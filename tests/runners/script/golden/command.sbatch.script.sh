#!/bin/bash
# Runs job.command, or job.function, as one process.
#
# Options of sbatch belong in the config, under job.slurm, or here as #SBATCH lines
# (those in the config win). hpcopt sets the job's name and its log file.

module load openmpi
ulimit -s unlimited

cd '/home/ada/my project' || exit

# With exec, signals (scancel, sbatch --signal=B:USR1@300) reach the program itself.
# Lines after it would not run.
exec ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5

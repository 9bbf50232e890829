#!/bin/bash
# Runs job.command, or job.function, where it is so short that a job for each trial
# would take longer to schedule than to run.
#
# Say in the config how many trials share a job, and how many of them run at a time:
#   pack: {trials_per_job: 100, at_once: 8}
# These options are those of the whole job. run.parallelism counts trials; it should be
# trials_per_job or a multiple of it. Each trial also finds its place, from 0 to
# at_once - 1, in HPCOPT_SLOT, for example for CUDA_VISIBLE_DEVICES.
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8

module load openmpi
ulimit -s unlimited

cd '/home/ada/my project' || exit

exec ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5

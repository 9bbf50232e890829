#!/bin/bash
# Runs the driver itself as a job: `hpcopt submit`.
#
# It needs little: a process that waits, and one that proposes parameters. Options of
# sbatch belong in the config, under driver.slurm, and go before those here.
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G

module load openmpi
ulimit -s unlimited

# With exec, the signal that the job's time is nearly over reaches the driver itself,
# which then submits its successor.
exec ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5

#!/bin/bash
# Runs job.command, or job.function, as one process with one GPU.
#
# Options in the config, under job.slurm, win over these lines.
#SBATCH --ntasks=1
#SBATCH --gpus=1

module load openmpi
ulimit -s unlimited

cd '/home/ada/my project' || exit

# As a step of its own, so that Slurm binds and accounts the GPU.
exec srun --ntasks=1 ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5

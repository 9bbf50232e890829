#!/bin/bash
# Runs job.command as an MPI program: one process for each task of the job.
#
# Set the size in the config, for example
#   slurm: {nodes: 2, ntasks_per_node: 64, time: "04:00:00"}
# It may depend on a parameter: ntasks: "{{ n_ranks }}".

module load openmpi
ulimit -s unlimited

cd '/home/ada/my project' || exit

# Some MPI libraries need srun --mpi=pmix, or their own mpirun in place of srun.
exec srun ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5

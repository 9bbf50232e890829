"""What a cluster may do to an experiment, on the one-host Slurm."""

"""Experiments on the one-host Slurm, and drivers that die where they are told."""

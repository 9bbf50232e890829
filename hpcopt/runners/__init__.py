"""Runners start trials, watch them and stop them.

Know scripts and Slurm, and nothing of metrics or models.
"""

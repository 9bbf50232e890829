"""Runs trials as processes of this machine, with what Slurm would do around them.

Knows the scripts of trials; nothing of Slurm.
"""

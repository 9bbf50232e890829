"""Runs trials as Slurm jobs, job arrays and packs, and the driver as a job.

Knows the scripts of trials and the room of Slurm, which alone calls its commands.
"""

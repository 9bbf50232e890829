"""Runs trials as Slurm jobs, job arrays and packs, and the driver as a job."""

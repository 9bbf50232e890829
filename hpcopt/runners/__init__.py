"""What the driver needs of a runner, and runners that a user wrote.

Knows nothing of Slurm, metrics or models; the rooms within run trials.
"""

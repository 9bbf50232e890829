"""The driver: the closed loop that collects, decides, plans and submits.

Knows the protocols of runners, metrics and generators, and neither Slurm nor models.
"""

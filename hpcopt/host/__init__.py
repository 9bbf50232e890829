"""The machine this process runs on: its clock, its processes, its files.

Knows nothing of experiments.
"""

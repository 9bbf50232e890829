"""The machine on which this process runs: clock, processes, threads, durable files.

Knows nothing of experiments, and of hpcopt only its errors.
"""

"""All that is known of Slurm: its commands, words and futures.

Sole owner of submitit; knows nothing of trials' scripts.
"""

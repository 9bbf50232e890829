"""All that is known of Slurm: its commands, its words, submitit's executor and futures.

Sole owner of submitit and of Slurm's commands; knows nothing of trials' scripts.
"""

"""All that is known of Slurm: its commands, words and futures.

The only owner of submitit, and the only place that runs Slurm's commands.
"""

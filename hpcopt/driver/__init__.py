"""The loop: collect, decide, plan, submit.

Knows protocols alone, no Slurm and no model.
"""

"""What a cluster made of the experiment: time, core-hours, failures, calls.

Computed from the journal alone: no scheduler is asked.
"""

"""What becomes of trials.

Their attempts, life cycle, events, and the rules for running them again.
"""

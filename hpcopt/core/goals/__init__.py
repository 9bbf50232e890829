"""What an experiment is for.

Objectives, bounds on outcomes, and the Pareto front of what was found.
"""

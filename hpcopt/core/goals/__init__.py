"""Objectives, outcome constraints and thresholds, and the Pareto front.

Knows the observations of trials, and no search space.
"""

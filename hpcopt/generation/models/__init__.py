"""Gaussian processes of outcomes: priors, MAP fits, outcome transforms, composites.

Knows snapshots, and neither what is maximised of a model nor how.
"""

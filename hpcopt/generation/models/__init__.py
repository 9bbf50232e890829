"""Gaussian processes of outcomes.

Kernels, priors, MAP fits, outcome transforms, composite objectives.
"""

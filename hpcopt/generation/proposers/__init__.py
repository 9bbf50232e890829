"""Methods that propose points.

Bayesian optimisation of one or several objectives, trust regions, subspaces.
"""

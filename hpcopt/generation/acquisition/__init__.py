"""Acquisition functions with analytic gradients, for one objective and for several.

Knows the models, and not how a point is searched for.
"""

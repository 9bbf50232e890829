"""Acquisition functions with analytic gradients.

Log expected improvement, hypervolume, composite objectives.
"""

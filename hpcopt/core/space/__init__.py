"""The search space.

Parameters, constraints on them, and their encoding into the unit cube.
"""

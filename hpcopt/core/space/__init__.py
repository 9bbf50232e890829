"""The search space: parameters, constraints, and the encoding into the unit cube.

Knows expressions and numpy, and neither trials nor goals.
"""

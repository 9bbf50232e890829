"""The initial design: the centre, then feasible scrambled Sobol points.

Knows the search space and what was used of it, and no outcome.
"""

"""BoTorch's acquisition functions: ours, with analytic gradients, and any other.

Knows the models, and not how a point is searched for.
"""

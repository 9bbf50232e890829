"""Generators of a user's own: hpcopt's protocol, and gest-api's.

Knows the strategy and the design, which stand in for them, and no numerics.
"""

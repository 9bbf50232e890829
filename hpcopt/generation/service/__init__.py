"""The generator in a process of its own, and what is done when it fails.

Knows processes, lines and time limits, and no numerics.
"""

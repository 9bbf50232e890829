"""Models and acquisition functions by name, or a user's own: BoTorch's, as they are.

A name stands for a function of the same kind as a user writes: one that makes a model
from data and a context, or an acquisition from a model and a context. Loads torch.
"""

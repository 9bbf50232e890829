"""Trials and attempts: their states, events, transitions and retry policies.

Knows neither the search space nor the goals.
"""

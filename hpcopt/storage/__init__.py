"""Durable storage of the journal: one writer, which holds the lease; many readers.

Knows events and files, and nothing of what drives an experiment.
"""

"""Exports an experiment's whole history as tables, to files of several formats.

Every format has the same three tables with the same columns (``tables.py``): trials,
attempts and observations. Knows experiments, and writes nothing but the files that it
is asked for.
"""

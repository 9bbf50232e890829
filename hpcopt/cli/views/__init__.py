"""Displays of an experiment on a terminal: facts, tables, the live view.

Reads an experiment and changes nothing.
"""

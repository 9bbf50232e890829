"""Reads an experiment's YAML config, with errors that name the key.

Sole owner of pydantic and yaml.
"""

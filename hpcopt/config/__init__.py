"""Reads YAML configs, with errors that name the key, and makes specs of them.

Knows the specs of experiment, and what these consist of; sole owner of pydantic and
yaml.
"""

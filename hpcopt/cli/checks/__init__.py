"""Checks before anything is submitted: the config, the program, the file system.

Reads configs, renders scripts and asks the site, and submits nothing.
"""

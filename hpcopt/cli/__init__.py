"""The command line: thin verbs over the experiment room.

Sole owner of click and rich.
"""

"""The command line: one thin module a verb. Sole owner of click and rich."""

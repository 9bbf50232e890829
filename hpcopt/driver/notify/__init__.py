"""Tells a person by a command of theirs: at the end, at a pause, a stall, a new best.

Sole starter of that command. Nothing here stops the driver.
"""

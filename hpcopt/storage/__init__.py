"""Storage keeps the journal: one writer, any number of readers.

Knows events and files.
"""

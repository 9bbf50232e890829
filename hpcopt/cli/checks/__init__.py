"""What is looked at before anything is submitted.

The config, the program, the file system.
"""

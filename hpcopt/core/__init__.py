"""What an experiment is: pure data and rules.

Knows no cluster, no files, no model, and of packages numpy alone.
"""

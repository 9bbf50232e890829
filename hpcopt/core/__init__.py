"""What an experiment is: pure data and rules, with no cluster, no files, no model.

Nothing in this package imports anything heavier than numpy.
"""

"""The experiment as pure data: events, trials, goals, the search space.

Knows no files, no cluster and no model; of third-party packages, only numpy.
"""

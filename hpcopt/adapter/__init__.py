"""What an analysis is given beside the experiment in Ax: hpcopt has none to give.

For the annotations of analyses that were written for Ax, by their module paths.
"""

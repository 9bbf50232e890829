"""Metrics: the values that are read from a trial's result.

Sole reader of HDF5; knows nothing of who ran the trial.
"""

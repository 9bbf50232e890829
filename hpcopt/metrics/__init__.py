"""Metrics turn a trial's result into numbers.

Sole reader of HDF5; knows nothing of who ran the trial.
"""

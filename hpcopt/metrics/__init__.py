"""Metrics turn a trial's result into numbers. The only owner of h5py."""

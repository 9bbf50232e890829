"""What runs on a compute node: the worker, the pack, progress reports.

Loads no torch, needs no driver.
"""

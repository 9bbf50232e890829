"""What runs on a compute node: the worker, the pack, reports of progress.

Knows an attempt's folder and the result file; loads no torch, needs no driver.
"""

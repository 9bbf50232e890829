"""Generation proposes parameterizations: from a snapshot to a generation.

Sole owner of torch, botorch and scipy; knows core alone.
"""

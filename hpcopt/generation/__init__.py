"""Generation proposes parameterizations.

Sole owner of torch, botorch and scipy; knows core alone.
"""

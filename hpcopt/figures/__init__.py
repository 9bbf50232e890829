"""Cards as figures for papers and talks, and their tables, as files of a folder.

Sole owner of matplotlib, which draws what plotly's figures say without a browser. Knows
cards; which of an experiment's, ``choice.py`` alone.
"""

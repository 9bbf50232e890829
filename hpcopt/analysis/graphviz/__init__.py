"""Graphs, in the language of Graphviz."""

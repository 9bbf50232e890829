"""Figures of plotly's."""

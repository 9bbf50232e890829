"""The maximisation of an acquisition over the space, under its constraints.

Knows acquisitions, models' means and the design, and not whose turn it is.
"""

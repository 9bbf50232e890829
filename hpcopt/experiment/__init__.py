"""The one composition root: an experiment's folder, opened, continued and driven.

Builds a driver from parts; knows all rooms but config, cli and api.
"""

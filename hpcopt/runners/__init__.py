"""Runners start trials, watch them and stop them."""

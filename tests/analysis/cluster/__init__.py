"""The cards of the cluster."""

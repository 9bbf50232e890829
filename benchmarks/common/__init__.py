"""What all benchmarks share: environments, and rows of results."""

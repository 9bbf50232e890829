"""Cards of running text."""

"""The generator in a process of its own, and what is done when it fails."""

"""What it costs to have many trials."""

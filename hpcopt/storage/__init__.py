"""Storage keeps the journal. One writer, any number of readers."""

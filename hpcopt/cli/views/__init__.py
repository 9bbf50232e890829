"""How an experiment is shown on a terminal: facts, tables, the live view."""

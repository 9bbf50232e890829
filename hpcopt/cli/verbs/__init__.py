"""One module a verb: what it takes, what it calls, what it prints."""

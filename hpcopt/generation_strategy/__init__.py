"""How trials are proposed, as analyses see it, by the module paths of Ax."""

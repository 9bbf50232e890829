"""How good suggestions are, beside other packages."""

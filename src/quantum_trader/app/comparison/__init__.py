"""Ways of leaving positions, tried on the same entries through the very system."""

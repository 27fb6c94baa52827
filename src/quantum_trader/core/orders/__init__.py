"""Orders: their names, their life, the life of a plan."""

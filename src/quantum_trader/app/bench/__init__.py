"""Measurements of this system beside the barest thing that could do the same work here and now."""

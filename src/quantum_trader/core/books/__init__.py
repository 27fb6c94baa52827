"""What we hold, what it cost, and what became of it: every number follows from the fills."""

"""Where a position is left: levels, what bounds them, and the ladder of targets."""

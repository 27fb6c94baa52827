"""Market data: recorded and live, translated into facts."""

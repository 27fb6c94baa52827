"""What the closed bars of one symbol say: volatility, trend and regime."""

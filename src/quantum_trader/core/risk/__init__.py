"""What stands between an intent and the exchange: limits, gates, size and the review."""

"""The journal of an account: what was sent and what came back, on disk or in memory."""

"""Exchanges: where orders go and fills come from."""

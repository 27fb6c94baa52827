"""Binance USD-M perpetuals as a venue: orders, reports and the account."""

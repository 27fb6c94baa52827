"""The paper venue: ``core/matching`` behind a Binance-USD-M-compatible API. See docs/venue.md."""

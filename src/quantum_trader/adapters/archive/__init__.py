"""Archives: where facts rest before a stream may forget them."""

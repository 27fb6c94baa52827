"""Services: they move facts through doors, and decide nothing."""

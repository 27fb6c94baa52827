"""The whole system in a hostile, seeded world: real services, virtual time, counted faults."""

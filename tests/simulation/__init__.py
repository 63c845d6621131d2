"""A seeded world of cards, faults and virtual time around the real engine, and a checker that knows none of it."""

"""Seeded faults over real servers and processes, checked from outside afterwards."""

"""Checks the promises from outside: reads what is stored and what the gateway heard, imports nothing of the engine."""

from tests.simulation.checker.checking import Checker

__all__ = ["Checker"]

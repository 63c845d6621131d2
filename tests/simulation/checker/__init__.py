"""Checks the promises from outside, by what is stored, sent and received; imports nothing of the engine."""

from tests.simulation.checker.checking import Checker

__all__ = ["Checker"]

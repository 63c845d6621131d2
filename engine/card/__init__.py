"""The Card aggregate: facts, the state they add up to, what callers ask and what time asks."""

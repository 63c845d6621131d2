"""The log proves itself: one Merkle tree over all facts, signed heads of it, and what can be shown with them."""

"""The message broker: what is said on it, who says it and who listens."""

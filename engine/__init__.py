"""The rules of renewal, and what they need: synchronous, without broker, web and gateway."""

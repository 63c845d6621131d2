"""The Card aggregate: facts, the state they add up to, what callers ask and what time asks.

Decisions are plain functions of the card, arguments and business time that return facts: none if it is so already.
They raise Refused for what the caller got wrong.
"""

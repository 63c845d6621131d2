"""Accounts of holders: with the outbox of notices, the only place of personal data.

Its tables know holders by the id that the log knows too, and cards by theirs. All functions take a connection and the
real time `now`; what is expected to happen is answered by a value of `answers`, never raised.
"""

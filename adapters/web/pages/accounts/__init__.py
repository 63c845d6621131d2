"""The pages of accounts: signing in and out, registering, and what a holder changes about the account."""

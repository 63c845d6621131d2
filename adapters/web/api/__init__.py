"""The HTTP API `/api/v1`: what the pages of holders do, for programs. Tokens, never cookies, say who asks."""

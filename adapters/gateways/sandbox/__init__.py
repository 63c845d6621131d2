"""A payment provider for trying everything without an account: it speaks the part of Stripe's API that we use."""

PORT = 4242
"""Where `baohao sandbox` answers by itself."""

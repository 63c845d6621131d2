"""A payment provider for trying everything without an account: it speaks the part of Stripe's API that we use."""

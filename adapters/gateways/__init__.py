"""Payment service providers behind the engine's `Gateway` port, one file each."""

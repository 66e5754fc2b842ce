"""Keys, sealed secrets, signed tokens and rate limits."""

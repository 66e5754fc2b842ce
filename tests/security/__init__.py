"""Keys, vault, tokens and limits."""

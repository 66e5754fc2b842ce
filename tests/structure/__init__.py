"""What the code looks like, rather than what it does: rooms, style, types, packaging, documentation."""

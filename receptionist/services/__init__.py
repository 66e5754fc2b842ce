"""What can be done to accounts, lines, strategies and leads: the one way API, screens and CLI change rows."""

"""What a plugin may be, and what it is handed. Nothing here imports the rest of core at run time."""

"""Local servers that imitate the vendors, strictly, on 127.0.0.1."""

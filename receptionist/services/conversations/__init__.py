"""Conversations: what was said, what is under way, and what persons do in them."""

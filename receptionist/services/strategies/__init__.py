"""Strategies: drafts, versions, files, and whom they answer."""

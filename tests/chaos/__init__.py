"""Hundreds of messages while processes, Redis and the database are killed, frozen and forgotten at random.

`make chaos` runs it at length, `test_quick.py` shortly; both count lost, doubled and reordered messages from what the
customers received.
"""

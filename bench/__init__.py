"""Honest numbers: Receptionist beside the barest app of the same packages, in one run. `make bench` starts it."""

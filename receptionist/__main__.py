"""`python -m receptionist`: the same as the `receptionist` program."""

from __future__ import annotations

from receptionist.cli import main

main()

"""The claim check: what a reply says was done or will be done, held against what tools did.

Rules are data, two files per language beside this one. `judge` finds the claims, by `rules` (ways to say something)
and `frames` (classes of words that say it together); `honesty` holds a turn to them.
"""

from __future__ import annotations

from receptionist.agents.claims.judge import Claim, claims_of, unbacked

__all__ = ["Claim", "claims_of", "unbacked"]

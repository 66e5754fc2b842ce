"""The claim check: what a reply says was done or will be done, held against what tools did.

Rules are data, one file per language beside this one. `judge` finds the claims, `honesty` holds a turn to them.
"""

from __future__ import annotations

from receptionist.agents.claims.judge import Claim, claims_of, unbacked

__all__ = ["Claim", "claims_of", "unbacked"]

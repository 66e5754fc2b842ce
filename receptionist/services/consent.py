"""Who may be written to: opt-outs by channel and address."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.models import Conversation, Line, Message, OptOut
from receptionist.security.fingerprint import Fingerprints


class Consents:
    """Reads and changes opt-outs within a transaction.

    They are stored under a fingerprint of the address, so that erasing a lead keeps them."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints

    def opted_out(self, scope: Scope, channel: str, address: str) -> bool:
        """Whether this address refused messages on this channel."""
        return scope.first(scope.select(OptOut, OptOut.id).where(*self._which(scope, channel, address))) is not None

    def opt_out(self, scope: Scope, channel: str, address: str, lead_id: int) -> bool:
        """Write no more to this address on this channel: what is not sent yet is suppressed. False if it was so."""
        if self.opted_out(scope, channel, address):
            return False
        scope.insert(OptOut, channel=channel, address_hash=self._hash(scope, channel, address))
        self._mark(scope, channel, lead_id, db_now())
        scope.run(
            scope.update(Message)
            .where(
                Message.conversation_id.in_(self._conversations(scope, channel, lead_id)), Message.state == "pending"
            )
            .values(state="suppressed", error="the customer opted out")
        )
        return True

    def opt_in(self, scope: Scope, channel: str, address: str, lead_id: int) -> bool:
        """Write to this address again. False if it had not opted out."""
        removed = scope.run(sa.delete(OptOut).where(*self._which(scope, channel, address)))
        if removed:
            self._mark(scope, channel, lead_id, None)
        return bool(removed)

    def _hash(self, scope: Scope, channel: str, address: str) -> str:
        return self._fingerprints.of("opt-out", str(scope.account_id), channel, address)

    def _which(self, scope: Scope, channel: str, address: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            OptOut.account_id == scope.account_id,
            OptOut.channel == channel,
            OptOut.address_hash == self._hash(scope, channel, address),
        )

    def _mark(self, scope: Scope, channel: str, lead_id: int, at: db_now | None) -> None:
        own = Conversation.id.in_(self._conversations(scope, channel, lead_id))
        scope.run(scope.update(Conversation).where(own).values(opted_out_at=at))

    def _conversations(self, scope: Scope, channel: str, lead_id: int) -> sa.Select[tuple[int]]:
        return (
            scope.select(Conversation, Conversation.id)
            .join(Line, sa.and_(Line.account_id == Conversation.account_id, Line.id == Conversation.line_id))
            .where(Conversation.lead_id == lead_id, Line.channel == channel)
        )

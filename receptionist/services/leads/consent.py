"""Who may be written to: opt-outs by channel and address, and what each lead agreed to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import LeadError
from receptionist.models import Consent, Conversation, Identity, Line, Message, OptOut, table
from receptionist.security.fingerprint import Fingerprints
from receptionist.services.leads import lead_addresses, leads
from receptionist.services.leads.consent_order import NOW, Said

_opt_outs = table(OptOut)
OUT = prepared(
    sa.select(_opt_outs.c.created_at).where(
        _opt_outs.c.channel == sa.bindparam("b_channel"), _opt_outs.c.address_hash == sa.bindparam("b_hash")
    ),
    _opt_outs,
)

CUSTOMER = "message"
"""The source of a consent that the customer gave or refused by a message such as STOP."""


class Consents:
    """Reads and changes opt-outs within a transaction.

    They are stored under a fingerprint of the address, so that erasing a lead keeps them."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints

    def opted_out(self, scope: Scope, channel: str, address: str) -> bool:
        """Whether this address refused messages on this channel."""
        return self._out_since(scope, channel, address) is not None

    def still_out(self, scope: Scope, channel: str, address: str, lead_id: int) -> bool:
        """Whether this address refused messages, which is then known of the lead, too: it may have been erased since
        and be another one."""
        since = self._out_since(scope, channel, address)
        if since is None:
            return False
        if channel not in known(scope, lead_id):
            note(scope, lead_id, channel, "refused", CUSTOMER, since)
        return True

    def opt_out(self, scope: Scope, channel: str, address: str, lead_id: int, said: Said = NOW) -> bool:
        """Write no more to this address on this channel: what is not sent yet is suppressed. False if it was so.

        Whether it was `taken_back` since is for the caller to ask."""
        if self.opted_out(scope, channel, address):
            self._confirm(scope, channel, address, lead_id, said)
            return False
        self._refuse(scope, channel, address, said)
        leads.wait_for_conversations(scope, lead_id)
        self._silence(scope, channel, lead_id)
        note(scope, lead_id, channel, "refused", CUSTOMER, said.at)
        return True

    def taken_back(self, scope: Scope, channel: str, address: str, lead_id: int, said: Said) -> bool:
        """Whether the customer has written START since this STOP was sent, surely and from this address."""
        if not said.late:
            return False
        word = known(scope, lead_id).get(channel)
        if word is None or (word.state, word.source) != ("granted", CUSTOMER) or not said.before(word.changed_at):
            return False
        own = (Identity.lead_id == lead_id, Identity.kind == leads.channel_kind(channel))
        return scope.first(scope.select(Identity, Identity.id).where(*own, Identity.value != address)) is None

    def agree(self, scope: Scope, channel: str, lead_id: int, said: Said) -> None:
        """Keep that the customer wrote START without having refused messages, for an older STOP may come later."""
        if said.late and said.at is None:
            return
        word = known(scope, lead_id).get(channel)
        if word is None or (word.state == "granted" and (said.at is None or word.changed_at < said.at)):
            note(scope, lead_id, channel, "granted", CUSTOMER, said.at)

    def opt_in(self, scope: Scope, channel: str, address: str, lead_id: int, said: Said = NOW) -> bool:
        """Write to this address again, and in conversations with it. False if it had not opted out, or may have done
        so after this was said.

        Those of the lead's other addresses that opted out stay silent."""
        if said.late and not all(said.after(each) for each in self._refusals(scope, channel, address, lead_id)):
            return False
        removed = scope.run(sa.delete(OptOut).where(*self._which(scope, channel, address)))
        leads.wait_for_conversations(scope, lead_id)
        own = scope.all(self._conversations(scope, channel, lead_id).add_columns(Conversation.address))
        still = {each for each in {row.address for row in own} - {address} if self.opted_out(scope, channel, each)}
        opened = self._open(scope, [row.id for row in own if row.address not in still])
        if removed or opened:
            note(scope, lead_id, channel, "granted", CUSTOMER, said.at)
        return bool(removed or opened)

    def refuse(self, scope: Scope, lead_id: int, channel: str, by: str) -> bool:
        """An admin says that the lead wants no messages on this channel: none is sent to any of its addresses.

        False if it was so. Raises `LeadError` if there is no such lead."""
        [row] = leads.whole(scope, lead_id)
        before = known(scope, row.id).get(channel)
        new = [each for each in self._addresses(scope, row, channel) if not self.opted_out(scope, channel, each)]
        if before is not None and before.state == "refused" and not new:
            return False
        for address in new:
            self._refuse(scope, channel, address)
        self._silence(scope, channel, row.id)
        if before is None or before.state == "granted":
            note(scope, row.id, channel, "refused", by)
        return True

    def grant(self, scope: Scope, lead_id: int, channel: str, by: str) -> bool:
        """An admin says that the lead agreed to messages on this channel. False if it was so.

        Raises `LeadError` if there is no such lead, or the customer's own STOP forbids it."""
        [row] = leads.whole(scope, lead_id)
        before = known(scope, row.id).get(channel)
        out = [each for each in self._addresses(scope, row, channel) if self.opted_out(scope, channel, each)]
        by_admin = before is not None and before.state == "refused" and before.source != CUSTOMER
        if (out and not by_admin) or (before is not None and before.state == "refused" and not by_admin):
            raise LeadError(
                f"The customer refused messages on {channel}; only the customer can allow them again, by writing START."
            )
        if before is not None and before.state == "granted":
            return False
        for address in out:
            scope.run(sa.delete(OptOut).where(*self._which(scope, channel, address)))
        self._open(scope, [each.id for each in scope.all(self._conversations(scope, channel, row.id))])
        note(scope, row.id, channel, "granted", by)
        return True

    def spread(self, scope: Scope, lead_id: int, channel: str) -> dict[str, list[int]]:
        """Let a refusal hold for all addresses and conversations of a lead, which have come together just now.

        Returns what was new: ids of `opt_outs` and of `conversations`."""
        row = leads.lock(scope, lead_id)
        new = [each for each in self._addresses(scope, row, channel) if not self.opted_out(scope, channel, each)]
        open_ones = self._conversations(scope, channel, row.id).where(Conversation.opted_out_at.is_(None))
        marked = [each.id for each in scope.all(open_ones)]
        made = [self._refuse(scope, channel, address) for address in new]
        self._silence(scope, channel, row.id)
        return {"opt_outs": made, "conversations": marked}

    def _out_since(self, scope: Scope, channel: str, address: str) -> datetime | None:
        since: datetime | None = scope.execute(
            OUT, b_channel=channel, b_hash=self._hash(scope, channel, address)
        ).scalar()
        return since

    def _refusals(self, scope: Scope, channel: str, address: str, lead_id: int) -> list[datetime]:
        """When this address refused messages, and when it was last said of the lead."""
        since, word = self._out_since(scope, channel, address), known(scope, lead_id).get(channel)
        times = (since, word.changed_at if word is not None and word.state == "refused" else None)
        return [each for each in times if each is not None]

    def _confirm(self, scope: Scope, channel: str, address: str, lead_id: int, said: Said) -> None:
        """The customer says once more what holds already: from now on it is as new as that, and the customer's own."""
        at = said.known_at
        older = (*self._which(scope, channel, address), OptOut.created_at < at)
        scope.run(sa.update(OptOut).where(*older).values(created_at=at))
        refused = (Consent.lead_id == lead_id, Consent.channel == channel, Consent.state == "refused")
        newer = sa.case((Consent.changed_at < at, at), else_=Consent.changed_at)
        scope.run(scope.update(Consent).where(*refused).values(source=CUSTOMER, changed_at=newer))

    def _refuse(self, scope: Scope, channel: str, address: str, said: Said = NOW) -> int:
        values = {"channel": channel, "address_hash": self._hash(scope, channel, address)}
        return scope.insert(OptOut, **values, created_at=said.known_at)

    def _silence(self, scope: Scope, channel: str, lead_id: int) -> None:
        """Mark the lead's conversations, and send nothing of what is not sent yet."""
        own = self._conversations(scope, channel, lead_id)
        scope.run(
            scope.update(Conversation)
            .where(Conversation.id.in_(own), Conversation.opted_out_at.is_(None))
            .values(opted_out_at=db_now())
        )
        scope.run(
            scope.update(Message)
            .where(Message.conversation_id.in_(own), Message.state == "pending")
            .values(state="suppressed", error="the customer opted out")
        )

    def _addresses(self, scope: Scope, lead: AnyRow, channel: str) -> list[str]:
        """Where the lead may be reached on a channel: addresses it wrote from, and its phone and e-mail as well."""
        kinds = (leads.channel_kind(channel), *lead_addresses.KINDS)
        rows = scope.all(
            scope.select(Identity, Identity.value).where(Identity.lead_id == lead.id, Identity.kind.in_(kinds))
        )
        return sorted({row.value for row in rows} | {each for each in (lead.phone, lead.email) if each})

    def _hash(self, scope: Scope, channel: str, address: str) -> str:
        return self._fingerprints.of("opt-out", str(scope.account_id), channel, address)

    def _which(self, scope: Scope, channel: str, address: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            OptOut.account_id == scope.account_id,
            OptOut.channel == channel,
            OptOut.address_hash == self._hash(scope, channel, address),
        )

    def _open(self, scope: Scope, conversation_ids: list[int]) -> int:
        silent = (Conversation.id.in_(conversation_ids), Conversation.opted_out_at.is_not(None))
        return scope.run(scope.update(Conversation).where(*silent).values(opted_out_at=None))

    def _conversations(self, scope: Scope, channel: str, lead_id: int) -> sa.Select[Any]:
        return (
            scope.select(Conversation, Conversation.id)
            .join(Line, sa.and_(Line.account_id == Conversation.account_id, Line.id == Conversation.line_id))
            .where(Conversation.lead_id == lead_id, Line.channel == channel)
        )


def known(scope: Scope, lead_id: int) -> dict[str, AnyRow]:
    """What a lead agreed to, by channel: `state` (granted or refused), `source`, `changed_at`."""
    rows = scope.all(scope.select(Consent).where(Consent.lead_id == lead_id).order_by(Consent.channel))
    return {row.channel: row for row in rows}


def note(scope: Scope, lead_id: int, channel: str, state: str, source: str, at: datetime | None = None) -> None:
    """Keep what a lead agreed to, how that is known, and since when: now, if `at` is not given."""
    which = (Consent.lead_id == lead_id, Consent.channel == channel)
    values = {"state": state, "source": source[:200], "changed_at": db_now() if at is None else at}
    if not scope.run(scope.update(Consent).where(*which).values(**values)):
        scope.insert(Consent, lead_id=lead_id, channel=channel, **values)

"""No account reaches into another (P12), and credits are neither lost nor overdrawn (P6)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.messages import Inbound, Sender
from receptionist.db import Scope
from receptionist.errors import LineError, Unavailable
from receptionist.models import Conversation, CreditEntry, Lead, Line, Message, StrategyVersion, Turn
from receptionist.parts import Parts
from receptionist.services import accounts, lines
from receptionist.services.directory import Office
from receptionist.services.leads import leads
from receptionist.services.strategies import assignment, strategies

MakeLine = Callable[[str], tuple[int, int]]


def test_rows_of_two_accounts_cannot_be_tied_together(parts: Parts, make_line: MakeLine) -> None:
    ours, our_line = make_line("Ours")
    theirs, _ = make_line("Theirs")
    with parts.database.begin() as connection:
        lead_id = leads.create(Scope(connection, theirs), Sender("x"))
    with pytest.raises(IntegrityError), parts.database.begin() as connection:
        Scope(connection, ours).insert(Conversation, lead_id=lead_id, line_id=our_line, address="x")


@pytest.mark.parametrize("model", [Lead, Line, Conversation, Message, Turn])
def test_a_scope_sees_and_changes_only_its_own_rows(parts: Parts, make_line: MakeLine, model: type) -> None:
    ours, _ = make_line("Ours")
    theirs, their_line = make_line("Theirs")
    line = parts.directory.office(theirs).line(their_line)
    parts.host._intake.take_in(line, [Inbound("m1", Sender("visitor:1"), "hello")])  # type: ignore[attr-defined]
    with parts.database.begin() as connection:
        if model is Turn:
            conversation = Scope(connection, theirs).first(sa.select(Conversation.id))
            assert conversation is not None
            Scope(connection, theirs).insert(Turn, conversation_id=conversation.id, state="running")
        scope = Scope(connection, ours)
        foreign = {row.id for row in Scope(connection, theirs).all(Scope(connection, theirs).select(model))}
        assert foreign
        assert not foreign & {row.id for row in scope.all(scope.select(model))}
        column = "name" if model is Lead else "state" if hasattr(model, "state") else "title"
        assert scope.run(scope.update(model).where(model.id.in_(foreign)).values({column: "done"})) == 0  # type: ignore[attr-defined]


def test_a_line_of_another_account_cannot_be_given_a_strategy(parts: Parts, make_line: MakeLine) -> None:
    ours, _ = make_line("Ours")
    _, their_line = make_line("Theirs")
    with pytest.raises(LineError, match="no line"), parts.database.begin() as connection:
        scope = Scope(connection, ours)
        assignment.use_on_line(scope, strategies.find(scope, "Desk").id, their_line, "a test")


def test_the_same_address_is_another_lead_in_another_account(parts: Parts, make_line: MakeLine) -> None:
    for name in ("Ours", "Theirs"):
        account_id, line_id = make_line(name)
        line = parts.directory.office(account_id).line(line_id)
        parts.host._intake.take_in(line, [Inbound("m1", Sender("visitor:1"), name)])  # type: ignore[attr-defined]
        seen = parts.host.transcript(line, Sender("visitor:1"))
        assert [message.text for message in seen] == [name]


def test_a_line_s_secret_is_sealed_and_bound_to_its_account(parts: Parts, make_line: MakeLine) -> None:
    account_id, line_id = make_line("Ours")
    other_id, other_line = make_line("Theirs")
    secret = "canary-" + "x" * 32
    with parts.database.begin() as connection:
        lines.change(
            Scope(connection, account_id), parts.vault, parts.channels["webchat"], line_id, {"identity_secret": secret}
        )
        stored = connection.execute(sa.select(Line.secrets, Line.settings).where(Line.id == line_id)).one()
        assert secret not in str(stored)
        connection.execute(sa.update(Line).where(Line.id == other_line).values(secrets=stored.secrets))
    line = parts.directory.by_key("webchat", parts.directory.office(account_id).line(line_id).key)
    assert line.settings.identity_secret.get_secret_value() == secret
    assert secret not in repr(line)
    parts.directory._offices.clear()
    with pytest.raises(Unavailable):
        parts.directory.office(other_id).line(other_line)


def test_a_change_is_seen_at_the_next_look_and_costs_no_query_where_nothing_changed(
    parts: Parts, make_line: MakeLine
) -> None:
    account_id, line_id = make_line("Ours")
    office = parts.directory.office(account_id)
    assert parts.directory.office(account_id, office.revision) is office
    with parts.database.begin() as connection:
        scope = Scope(connection, account_id)
        strategies.publish(scope, "Desk", strategies.parse({"agent_name": "Nova"}), lambda fields: None)
    renewed = parts.directory.office(account_id, office.revision + 1)
    strategy = renewed.strategy(line_id)
    assert strategy is not None
    assert strategy.fields.agent_name == "Nova"


def test_a_hundred_turns_at_once_never_overdraw_ten_credits(parts: Parts, make_line: MakeLine) -> None:
    account_id, line_id = make_line("Ours")
    with parts.database.begin() as connection:
        scope = Scope(connection, account_id)
        assert accounts.add_credits(scope, 10, "bought") == 10
        lead_id = leads.create(scope, Sender("x"))
        conversation_id = scope.insert(Conversation, lead_id=lead_id, line_id=line_id, address="x")
        turns = [scope.insert(Turn, conversation_id=conversation_id, state="done") for _ in range(100)]
    charged: list[bool] = []

    def charge(some: list[int]) -> None:
        for turn_id in some:
            with parts.database.begin() as connection:
                charged.append(accounts.charge_turn(Scope(connection, account_id), turn_id))

    threads = [threading.Thread(target=charge, args=(turns[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(charged) == 10
    with parts.database.read() as connection:
        spent = connection.execute(sa.select(sa.func.sum(CreditEntry.amount))).scalar_one()
    assert spent == 0


def test_a_turn_that_was_begun_while_turns_were_counted_needs_no_credit_afterwards(
    parts: Parts, make_line: MakeLine
) -> None:
    account_id, line_id = make_line("Ours")
    with parts.database.begin() as connection:
        scope = Scope(connection, account_id)
        lead_id = leads.create(scope, Sender("x"))
        conversation_id = scope.insert(Conversation, lead_id=lead_id, line_id=line_id, address="x")
        turn_id = scope.insert(Turn, conversation_id=conversation_id, state="done")
        accounts.add_credits(scope, 1, "bought")
        accounts.stop_counting(scope)
        assert accounts.charge_turn(scope, turn_id)
        entries = connection.execute(sa.select(CreditEntry.amount).order_by(CreditEntry.id)).scalars().all()
    assert entries == [1, -1]


def test_wrong_line_settings_are_refused_by_name(parts: Parts, make_line: MakeLine) -> None:
    account_id, line_id = make_line("Ours")
    with pytest.raises(LineError, match="colour"), parts.database.begin() as connection:
        lines.change(Scope(connection, account_id), parts.vault, parts.channels["webchat"], line_id, {"colour": "red"})


def test_an_older_look_neither_replaces_a_newer_one_nor_asks_again(
    parts: Parts, make_line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, _ = make_line("Ours")
    directory = parts.directory
    old = directory.office(account_id)
    load, loads = directory._load, []

    def slowly(number: int) -> Office:
        loads.append(number)
        office = load(number)
        if len(loads) == 1:  # changed meanwhile, which another thread saw first
            with parts.database.begin() as connection:
                accounts.touch(Scope(connection, number))
            directory.office(number, old.revision + 2)
        return office

    with parts.database.begin() as connection:
        accounts.touch(Scope(connection, account_id))
    monkeypatch.setattr(directory, "_load", slowly)
    assert directory.office(account_id, old.revision + 1).revision == old.revision + 2
    assert directory.office(account_id).revision == old.revision + 2
    assert directory.office(account_id, old.revision).revision == old.revision + 2
    assert len(loads) == 2


def test_one_strategy_that_cannot_be_read_stops_no_other(parts: Parts, make_line: MakeLine) -> None:
    account_id, line_id = make_line("Ours")
    with parts.database.begin() as connection:
        scope = Scope(connection, account_id)
        strategies.publish(scope, "Other", strategies.parse({}), lambda fields: None)
        broken = strategies.find(scope, "Desk").id
        which = StrategyVersion.strategy_id == broken
        scope.run(scope.update(StrategyVersion).where(which).values(fields={"languages": []}))
        accounts.touch(scope)
        revision = accounts.revision(scope)
    office = parts.directory.office(account_id, revision)
    assert [each.name for each in office.strategies.values()] == ["Other"]
    assert office.line(line_id).title
    assert office.strategy(line_id) is None
    assert "the line's strategy Desk cannot be used: languages: " in office.no_strategy(line_id)

"""Bugs and nonsense from models, tools, plugins and admins: answered or given up, and never anybody else's trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from receptionist import Inbound, Invalid, Sender, Unavailable
from receptionist.pipeline.drain import MAX_ATTEMPTS
from receptionist.text import storable
from tests.harness.house import House
from tests.harness.plugins import hook
from tests.servers.brain import Brain, Fails, Piece, Question

NONSENSE = "a\0b\ud800c\U0001f600"
CLEAN = "ab\ufffdc\U0001f600"


@pytest.mark.parametrize(
    ("text", "clean"),
    [(NONSENSE, CLEAN), ("\ud83d\ude00", "\U0001f600"), ("\ufeffx", "\ufeffx"), ("", ""), ("é\n", "é\n")],
)
def test_storable(text: str, clean: str) -> None:
    assert storable(text) == clean
    assert storable(clean) == clean


def test_a_model_that_says_nonsense(house: House, brain: Brain) -> None:
    brain.reply = lambda question: iter([NONSENSE])
    assert house.visitor().say("Nonsense, please.") == CLEAN
    assert len(brain.about("Nonsense, please.")) == 1


def test_a_tool_that_returns_nonsense(open_house: Callable[..., House]) -> None:
    source = (
        "from receptionist import hookimpl, tool\n\n@tool(effect='writes')\n"
        "def mumble(context) -> str:\n    'Mumble.'\n"
        "    context.update_lead(note='n\\0\\ud800')\n    return 'x\\0\\ud800'\n\n"
        "@hookimpl\ndef register_tools(host):\n    return [mumble]\n"
    )
    house = open_house({"mumbler": source})
    house.publish(tools=["mumble"])
    assert house.visitor().say("call mumble {}.") == "The tool said: x\ufffd"
    assert house.sql("SELECT state FROM tool_calls") == [("done",)]
    assert house.sql("SELECT notes FROM leads") == [("n\ufffd",)]


def test_a_channel_or_plugin_that_lets_nonsense_in(open_house: Callable[..., House]) -> None:
    """It is stored as far as it is text, instead of a 500 that a vendor repeats for ever."""
    house = open_house({"garbler": hook("edit_message(message, line)", "message.text += '\\0\\ud800'")})
    assert house.visitor().say("Hello?") == "Echo: Hello?\ufffd"
    host, line = house.parts.host, house.texter().line
    for sender in (Sender("\ud800"), Sender("a\0b")):
        with pytest.raises(Invalid):
            host._intake.take_in(line, [Inbound("id", sender, "Hello?")])  # type: ignore[attr-defined]
    [taken] = host._intake.take_in(line, [Inbound("id", Sender("x", name="N\0\ud800"), "Hello?")])  # type: ignore[attr-defined]
    assert taken.duplicate is False
    assert house.sql("SELECT name FROM leads WHERE name IS NOT NULL") == [("N\ufffd",)]


def test_a_turn_with_a_bug_is_given_up(house: House, brain: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an error that says what it is, but a bug, here of a channel: tried again a bounded number of times, then the
    apology."""

    def length(_channel: object, text: str) -> int:
        if "bug" in text:
            raise KeyError("a bug")
        return len(text)

    monkeypatch.setattr(type(house.parts.channels["webchat"]), "length", length)
    visitor = house.visitor()
    visitor.send("Here is a bug.")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert visitor.replies() == []
        house.make_due()
        house.drain()
        assert len(brain.about("Here is a bug.")) == attempt
    house.make_due()
    house.drain()
    [apology] = visitor.replies()
    assert apology.startswith("Sorry")
    assert len(brain.about("Here is a bug.")) == MAX_ATTEMPTS
    [turn] = house.sql("SELECT state, error FROM turns")
    assert turn.state == "failed"
    assert str(MAX_ATTEMPTS) in turn.error
    assert visitor.say("Are you well?") == "Echo: Are you well?"


@pytest.mark.parametrize("text", ["bad key", "no such model"])
def test_what_an_admin_must_mend_is_not_tried_again(text: str, house: House, brain: Brain) -> None:
    brain.reply = lambda question: iter([Fails(text, admin=True)])
    assert house.visitor().say(f"Answer, {text}.").startswith("Sorry")
    assert len(brain.about(f"Answer, {text}.")) == 1
    assert house.sql("SELECT state, error FROM messages WHERE direction = 'in'") == [("failed", text)]


def test_a_passing_fault_is_tried_again_and_what_was_shown_is_withdrawn(house: House, brain: Brain) -> None:
    from tests.harness.house import drain_events

    failures = iter([Fails("busy", retryable=True, retry_after=0.05)])

    def reply(question: Question) -> Iterator[Piece]:
        for failure in failures:
            yield "Half of "
            yield failure
        yield "The whole answer."

    brain.reply = reply
    visitor = house.visitor()
    with visitor.watch() as watch:
        assert visitor.say("Are you busy?") == "The whole answer."
        kinds = [event.type for event in drain_events(watch)]
    assert kinds == ["message", "typing", "delta", "reset", "delta", "message"]


def test_a_line_that_cannot_be_read_stops_no_other(house: House) -> None:
    """Sealed with a key that is gone: that line asks its vendor to come back, the others work."""
    blind, other = house.texter("blind"), house.texter("askable")
    blind.send("Before.")
    house.sql("""UPDATE lines SET secrets = '{"secret": "v1:00000000:AAAA"}' WHERE title = 'blind'""")
    house.sql("UPDATE accounts SET revision = revision + 1")
    with pytest.raises(Unavailable):
        blind.send("After.")
    other.send("Are you there?")
    house.drain()
    assert other.replies() == ["Echo: Are you there?"]
    [row] = house.sql("SELECT m.state, m.error FROM messages m WHERE m.text = 'Before.'")
    assert row.state == "failed"
    assert house.visitor().say("And you?") == "Echo: And you?"


def test_a_prompt_that_cannot_be_rendered_is_apologised_for(open_house: Callable[..., House]) -> None:
    """A plugin's filter breaks with this customer's values only, so publishing could not see it."""
    source = hook(
        "prepare_prompt_environment(environment)", "environment.filters['fragile'] = lambda name: 1 / (name != 'Ada')"
    )
    house = open_house({"fragile": source})
    house.publish(system_prompt_template="Hello {{ lead.name | fragile }}")
    visitor = house.visitor()
    assert visitor.say("Who am I?") == "Echo: Who am I?"
    house.sql("UPDATE leads SET name = 'Ada', version = version + 1")
    assert visitor.say("And now?").startswith("Sorry")
    assert house.sql("SELECT state FROM messages WHERE text = 'And now?'") == [("failed",)]
    house.sql("UPDATE leads SET name = NULL, version = version + 1")
    assert visitor.say("Again?").startswith("Echo")


def test_a_message_that_is_there_already_is_found_without_a_look(house: House) -> None:
    """Where the customer writes is remembered, so that only the database's own constraint notices the second copy."""
    customer = house.texter()
    customer.send("Twice?", ids=["one-id"])
    customer.send("And?", ids=["another-id"])
    [row] = house.sql("SELECT next_seq FROM conversations")
    customer.send("Twice?", ids=["one-id"])
    assert house.sql("SELECT text FROM messages ORDER BY seq") == [("Twice?",), ("And?",)]
    assert house.sql("SELECT next_seq FROM conversations") == [row]

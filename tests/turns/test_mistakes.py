"""A plugin's mistake costs its own work and nothing else: the customer is answered, the other plugins run, and the log
names the plugin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receptionist.db import Scope
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.harness.instance import STRATEGY_NAME
from tests.harness.plugins import HEAD, hook

Open = Callable[..., House]

MISTAKES = {
    "no text for a message": hook("edit_message(message)", "message.text = None"),
    "a message emptied by half": hook("edit_message(message)", "message.text = ''\n    raise ValueError"),
    "no text for a reply": hook("edit_reply(draft)", "draft.text = None"),
    "a number for a reply": hook("edit_reply(draft)", "draft.text = 5"),
    "a reply emptied by half": hook("edit_reply(draft)", "draft.text = ''\n    raise ValueError"),
    "variables in a list": hook("prompt_variables()", "return ['rain']"),
    "variables without names": hook("prompt_variables()", "return {5: 'rain'}"),
    "a variable that is not plain": hook("prompt_variables()", "return {'weather': object()}"),
    "a variable that is huge": hook("prompt_variables()", "return {'weather': 'rain' * 1_000_000}"),
    "a variable of ours broken": hook("prompt_variables()", "return {'conversation': None}"),
    "a veto that is no reason": hook("veto_answer()", "return False"),
    "a veto that cannot be read": hook("veto_answer()", "return object()"),
    "a task called off": "import asyncio\n" + hook("on_event()", "raise asyncio.CancelledError"),
    "true for a lead": hook("find_lead()", "return True"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_customer_is_answered_all_the_same(
    open_house: Open, mistake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    house = open_house({"a_bad": MISTAKES[mistake], "good": hook("on_event(event)", "seen.append(event)")})
    visitor = house.visitor()
    assert visitor.say("Hello?") == "Echo: Hello?"
    assert [message.text for message in visitor.transcript()] == ["Hello?", "Echo: Hello?"]
    assert len(house.plugin("good").seen) == 2
    assert "plugin=a_bad" in capsys.readouterr().out


def test_a_lead_that_no_database_takes(open_house: Open) -> None:
    house = open_house({"wild": hook("find_lead()", "return 10**30")})
    assert house.visitor().say("Hello?") == "Echo: Hello?"


@pytest.mark.parametrize("body", ["raise SystemExit(1)", "return False", "raise ValueError"])
def test_a_check_of_tool_calls_that_fails_is_closed(open_house: Open, body: str) -> None:
    house = open_house({"guard": hook("veto_tool_call()", body)})
    assert "failed for a technical reason" in house.visitor().say('call note {"text": "tea"}.')
    assert house.sql("SELECT * FROM tool_calls") == []


def test_no_check_changes_what_the_next_one_and_the_tool_get(open_house: Open) -> None:
    hides = hook("veto_tool_call(arguments)", "arguments.clear()")
    looks = hook("veto_tool_call(arguments)", "return 'no tea' if 'tea' in arguments['text'] else None")
    house = open_house({"a_looks": looks, "z_hides": hides})
    assert house.visitor().say('call note {"text": "tea"}.') == "The tool said: Not called: no tea"
    house.visitor().say('call note {"text": "coffee"}.')
    assert "coffee" in " ".join(row.notes for row in house.sql("SELECT notes FROM leads"))


MODEL = """
class Bad(Model):
    name, title, preference = "bad", "Bad", 1
    def ready(self):
        {}

@hookimpl
def register_models(host):
    return [Bad(host)]
"""


@pytest.mark.parametrize("body", ["raise KeyError('key')", "raise SystemExit(1)"])
def test_a_model_that_cannot_say_whether_it_is_ready_is_not(open_house: Open, body: str) -> None:
    """It is asked by every line that is loaded: customers of other models must get through to be stored at all."""
    house = open_house({"bad": HEAD + MODEL.format(body)})
    assert house.visitor().say("Hello?") == "Echo: Hello?"


# --- channels --------------------------------------------------------------------------------------------

CHANNEL = """
class Odd(Channel):
    name, title, capabilities = "odd", "Odd", Capabilities(burst_seconds=0)

    def verify(self, request, line):
        pass

    def parse(self, request, line):
        {parse}

    def send(self, line, message):
        {send}

{more}

@hookimpl
def register_channels(host):
    return [Odd(host)]
"""
ONE = "return [Inbound('in-1', Sender('1555'), 'Hello?')]"


def take(open_house: Open, parse: str = ONE, send: str = "return Sent('out-1')", more: str = "") -> tuple[int, House]:
    """The status of one webhook of a channel with these methods, and the house once all is worked off."""
    house = open_house({"odd": HEAD + CHANNEL.format(parse=parse, send=send, more=more)})
    with house.parts.database.begin() as connection:
        scope = Scope(connection, accounts.require(connection, None))
        strategy = strategies.find(scope, STRATEGY_NAME).id
        channel = house.parts.channels["odd"]
        lines.add(scope, house.parts.vault, channel, title="Odd", strategy_id=strategy, key="odd-line")
    app = house.app()
    app.testing = False
    status = app.test_client().post("/webhooks/odd/odd-line", data=b"{}").status_code
    house.drain()
    return status, house


PARSED = {
    "no text": ("return [Inbound('in-1', Sender('1555'), None)]", ("", "in-1", "1555")),
    "numbers for names": ("return [Inbound(7, Sender(1555, 5), 'Hi!', kind=None)]", ("Hi!", "7", "1555")),
    "a file of no type": (
        "return [Inbound('in-1', Sender('1555'), 'Hi!', attachments=(Attachment(None, 'x', None),))]",
        ("Hi!", "in-1", "1555"),
    ),
    "a time without a zone": (
        "import datetime\n        return [Inbound('in-1', Sender('1555'), 'Hi!', "
        "sent_at=datetime.datetime(2026, 1, 1))]",
        ("Hi!", "in-1", "1555"),
    ),
    "a message without an id among others": (
        "return [Inbound(None, Sender('1555'), 'Lost'), Inbound('in-1', Sender('1555'), 'Hi!')]",
        ("Hi!", "in-1", "1555"),
    ),
    "strange reports": (
        "return [Inbound('in-1', Sender('1555'), 'Hi!'), Receipt('bounced', 5), Receipt('failed', 5, code=5), "
        "Echo(6, None, None), {'type': 'ping'}]",
        ("Hi!", "in-1", "1555"),
    ),
}


@pytest.mark.parametrize("case", PARSED)
def test_what_a_channel_reads_carelessly_is_stored(open_house: Open, case: str) -> None:
    parse, stored = PARSED[case]
    status, house = take(open_house, parse)
    assert status == 204
    rows = house.sql("SELECT text, provider_message_id, address FROM messages WHERE direction = 'in'")
    assert [tuple(row) for row in rows] == [stored]


def test_all_that_a_generator_yields_is_taken(open_house: Open) -> None:
    status, house = take(
        open_house, "yield Inbound('in-1', Sender('1555'), 'Hi!')\n        yield Echo('e', '1777', 'Yo')"
    )
    assert status == 204
    texts = [row.text for row in house.sql("SELECT text FROM messages ORDER BY id")]
    assert texts[:2] == ["Hi!", "Yo"]


def test_a_webhook_that_exits_is_an_error_and_no_end(open_house: Open) -> None:
    status, house = take(open_house, "raise SystemExit(3)")
    assert (status, house.sql("SELECT * FROM messages")) == (500, [])


SENT = {
    "a number for an id": ("return Sent(12)", ("sent", "12", None)),
    "a number for a code": ("raise SendRefused('no', code=21610)", ("failed", None, "21610")),
    "a pause as a text": ("raise SendFailed('wait', retry_after='30')", ("pending", None, None)),
    "a pause that is a date": ("raise SendFailed('wait', retry_after='Wed, 21 Oct 2026')", ("pending", None, None)),
    "the end of the process": ("raise SystemExit(3)", ("unknown", None, None)),
    "nothing": ("return None", ("unknown", None, None)),
}


@pytest.mark.parametrize("case", SENT)
def test_what_a_channel_says_carelessly_of_a_send_is_marked(open_house: Open, case: str) -> None:
    send, marked = SENT[case]
    _, house = take(open_house, send=send)
    rows = house.sql("SELECT state, provider_message_id, code FROM messages WHERE direction = 'out'")
    assert [tuple(row) for row in rows] == [marked]


def test_a_channel_that_counts_nothing_as_too_long_holds_no_thread(open_house: Open) -> None:
    _, house = take(open_house, more="    def length(self, text):\n        return 10**9\n")
    sent = [row.text for row in house.sql("SELECT text FROM messages WHERE direction = 'out' AND state = 'sent'")]
    assert "".join(sent) == "Echo:Hello"


MEMORY = """
class Keeper(Model):
    name, title, preference = "keeper", "Keeper", 3000
    mistake = ""

    def remembers(self):
        if self.mistake == "remembers":
            raise KeyError("no answer")
        return True

    def begin_memory(self, former, deadline, check):
        if self.mistake == "begins":
            raise KeyError("id")
        return None if self.mistake == "nothing" else "ref"

    def stream(self, request):
        yield Completed("We open at nine.", "keeper-1", Usage())

@hookimpl
def register_models(host):
    return [Keeper(host)]
"""


@pytest.mark.parametrize("mistake", ["remembers", "begins", "nothing"])
def test_a_vendors_memory_with_a_bug_is_done_without(open_house: Open, mistake: str) -> None:
    house = open_house({"keeper": HEAD + MEMORY})
    house.publish(model="keeper", memory="provider")
    house.parts.models["keeper"].mistake = mistake  # type: ignore[attr-defined]
    assert house.visitor().say("When do you open?") == "We open at nine."

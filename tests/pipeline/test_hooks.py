"""Every hook, used by a drop-in plugin of a few lines, and what happens when a plugin fails in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pluggy
import pytest
from click.testing import CliRunner

from receptionist import hookspecs
from receptionist.cli import main
from receptionist.doctor import examine
from receptionist.errors import PluginError
from tests.harness.house import House, drain_events
from tests.harness.plugins import HEAD, hook
from tests.servers.brain import Brain

Open = Callable[..., House]
FAILS = "    raise RuntimeError('this plugin is broken')\n"


def failures(text: str) -> list[tuple[str, str]]:
    """(plugin, hook) of the failures in a log of JSON lines."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [(line["plugin"], line["hook"]) for line in lines if line["event"] == "plugin_failed"]


@pytest.fixture(autouse=True)
def _json_log() -> Any:
    import structlog

    structlog.reset_defaults()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


# --- at the start ----------------------------------------------------------------------------------


def test_register_settings(open_house: Open) -> None:
    source = HEAD + (
        "class TeaSettings(Settings):\n    tea_cups: int = 2\n\n"
        "@hookimpl\ndef register_settings():\n    return [TeaSettings]\n\n"
        "@hookimpl\ndef edit_reply(draft, context):\n    draft.text += ' Cups: unknown'\n\n"
        "@hookimpl\ndef startup(host):\n    global cups\n    cups = host.settings(TeaSettings).tea_cups\n"
    )
    house = open_house({"tea": source}, TEA_CUPS=7)
    house.parts.plugins.each_or_stop("startup", host=house.parts.host)
    assert house.plugin("tea").cups == 7


def test_register_channels(open_house: Open) -> None:
    source = HEAD + (
        "class Pigeon(Channel):\n    name = 'pigeon'\n    title = 'Carrier pigeon'\n\n"
        "@hookimpl\ndef register_channels(host):\n    return [Pigeon(host)]\n"
    )
    house = open_house({"pigeon": source})
    assert house.parts.channels["pigeon"].title == "Carrier pigeon"
    assert set(house.parts.channels) == {"webchat", "loopback", "pigeon"}


def test_register_tools(open_house: Open, brain: Brain) -> None:
    source = HEAD + (
        "@tool(name='double')\ndef twice(number: int) -> int:\n    'Double a number.'\n    return 2 * number\n\n"
        "@hookimpl\ndef register_tools(host):\n    return [twice]\n"
    )
    house = open_house({"doubler": source})
    house.publish(tools=["double"])
    assert house.visitor().say('call double {"number": 21}.') == "The tool said: 42"


def test_register_models(open_house: Open) -> None:
    source = HEAD + (
        "class Parrot(Model):\n    name = 'parrot'\n    title = 'Parrot'\n    preference = 2000\n\n"
        "    def stream(self, request):\n        yield Completed('Squawk', 'parrot-1')\n\n"
        "@hookimpl\ndef register_models(host):\n    return [Parrot(host)]\n"
    )
    house = open_house({"parrot": source})
    assert house.visitor().say("Polly?") == "Squawk"
    assert house.sql("SELECT model FROM turns")[0].model == "parrot-1"


def test_register_calendars(open_house: Open) -> None:
    source = HEAD + (
        "class Always(Calendar):\n    name = 'always'\n    title = 'Always open'\n\n"
        "    def open_times(self, strategy, start, end):\n        return [Interval(start, end)]\n\n"
        "@hookimpl\ndef register_calendars(host):\n    return [Always(host)]\n"
    )
    house = open_house({"always": source})
    [calendar] = house.parts.host.calendars()
    now = datetime.now(UTC)
    [open_] = calendar.open_times({}, now, now + timedelta(hours=1))
    assert open_.end - open_.start == timedelta(hours=1)


def test_register_storages(open_house: Open) -> None:
    source = HEAD + (
        "import io\n\nclass Memory(Storage):\n    name = 'memory'\n    title = 'Memory'\n    kept = {}\n\n"
        "    def save(self, key, content):\n        self.kept[key] = content.read()\n\n"
        "    def open(self, key):\n        return io.BytesIO(self.kept[key])\n\n"
        "@hookimpl\ndef register_storages(host):\n    return [Memory(host)]\n"
    )
    import io

    storage = open_house({"memory": source}).parts.host.storage()
    storage.save("a/b", io.BytesIO(b"content"))
    assert storage.open("a/b").read() == b"content"


BELL = HEAD + (
    "from flask import Blueprint\n\n@hookimpl\ndef register_blueprints(host):\n"
    "    page = Blueprint('bell', __name__, url_prefix='{prefix}')\n"
    "    page.add_url_rule('/ring', view_func=lambda: 'ding')\n    return [page]\n"
)


def test_register_blueprints(open_house: Open) -> None:
    client = open_house({"bell": BELL.format(prefix="/bell")}).app().test_client()
    answer = client.get("/bell/ring")
    assert (answer.status_code, answer.text) == (200, "ding")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_blueprint_may_not_take_other_addresses(open_house: Open) -> None:
    with pytest.raises(PluginError, match="url_prefix that begins with /bell"):
        open_house({"bell": BELL.format(prefix="/webhooks")}).app()


def test_register_health_checks(open_house: Open) -> None:
    source = hook("register_health_checks(host)", "return {'tea': lambda: 'the tea is out', 'mug': lambda: None}")
    house = open_house({"kitchen": source})
    found = {finding.what: (finding.good, finding.text) for finding in examine(house.parts, house.factory)}
    assert found["kitchen: tea"] == (False, "the tea is out")
    assert found["kitchen: mug"][0] is True


def test_register_commands(make_instance: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_instance()
    (path / "plugins" / "greeter.py").write_text(
        HEAD + "import click\n\n@click.command('greet')\ndef greet():\n    click.echo('Hello from a plugin')\n\n"
        "@hookimpl\ndef register_commands(host):\n    return [greet]\n"
    )
    monkeypatch.setenv("INSTANCE_PATH", str(path))
    result = CliRunner().invoke(main, ["greet"])
    assert (result.exit_code, result.output) == (0, "Hello from a plugin\n")


def test_startup(open_house: Open) -> None:
    house = open_house({"early": hook("startup(host)", "seen.append(host.instance_path)")})
    assert house.plugin("early").seen == []
    house.start()
    assert house.plugin("early").seen == [house.path]


def test_a_plugin_that_cannot_start_stops_the_start(open_house: Open) -> None:
    with pytest.raises(PluginError, match=r"Plugin late, startup: .*late\.py:8: RuntimeError: not today"):
        open_house({"late": hook("startup(host)", "raise RuntimeError('not today')")}).start()


def test_shutdown(open_house: Open) -> None:
    bad = hook("shutdown(host)", "raise RuntimeError('no')")
    house = open_house({"a_bad_one": bad, "last": hook("shutdown(host)", "seen.append('over')")})
    house.start()
    assert house.plugin("last").seen == []
    house.close()
    house._started = False
    assert house.plugin("last").seen == ["over"]


# --- a message comes in ------------------------------------------------------------------------------


def test_edit_message(open_house: Open) -> None:
    source = hook("edit_message(message, line)", "message.text = message.text.replace('4111', '****')")
    visitor = open_house({"mask": source}).visitor()
    assert visitor.say("My card is 4111.") == "Echo: My card is ****."
    assert visitor.transcript()[0].text == "My card is ****."


def test_find_lead(open_house: Open) -> None:
    """A customer's second address: one lead, one conversation, and the reply goes where it wrote from last."""
    source = hook("find_lead(inbound, line, host)", "return 1 if 'It is me' in inbound.text else None")
    house = open_house({"acquainted": source})
    first, second, stranger = house.texter(), house.texter(), house.texter()
    for customer, text in ((first, "Hello?"), (second, "It is me."), (first, "And here?"), (stranger, "Hi there?")):
        customer.send(text)
        house.drain()
    assert first.replies() == ["Echo: Hello?", "Echo: And here?"]
    assert second.replies() == ["Echo: It is me."]
    assert stranger.replies() == ["Echo: Hi there?"]
    assert [row.lead_id for row in house.sql("SELECT lead_id FROM identities ORDER BY id")] == [1, 1, 2]
    assert [row.lead_id for row in house.sql("SELECT lead_id FROM conversations ORDER BY id")] == [1, 2]


def test_find_lead_of_nobody_makes_a_new_lead(open_house: Open) -> None:
    house = open_house({"wrong": hook("find_lead(inbound, line, host)", "return 4711")})
    assert house.visitor().say("Who am I?") == "Echo: Who am I?"
    assert len(house.sql("SELECT id FROM leads")) == 1


def test_find_lead_is_not_asked_about_what_was_erased(open_house: Open) -> None:
    source = hook("find_lead(inbound, line, host)", "seen.append(inbound.text)").replace(
        "@hookimpl", "seen = []\n\n@hookimpl", 1
    )
    house = open_house({"curious": source})
    customer = house.texter()
    customer.send("My secret.", ids=["m1"])
    house.drain()
    house.runner._eraser.erase(1, 1, "Ann")
    customer.send("My secret.", "Something new.", ids=["m1", "m2"])
    house.drain()
    assert house.plugin("curious").seen == ["My secret.", "Something new."]


# --- the agent answers ---------------------------------------------------------------------------------


def test_veto_answer(open_house: Open, brain: Brain) -> None:
    source = hook("veto_answer(context)", "return 'a person answers' if 'hush' in context.message else None")
    house = open_house({"quiet_please": source})
    visitor = house.visitor()
    visitor.send("hush now, veto.")
    house.drain()
    assert visitor.replies() == []
    assert brain.about("hush now, veto.") == []
    assert house.sql("SELECT state, error FROM turns") == [("silent", "a person answers")]
    assert house.sql("SELECT state FROM messages") == [("silent",)]
    assert visitor.say("Speak.") == "Echo: hush now, veto. | Speak."


def test_prepare_prompt_environment(open_house: Open, brain: Brain) -> None:
    source = hook("prepare_prompt_environment(environment)", "environment.filters['shout'] = str.upper")
    house = open_house({"shout": source})
    house.publish(system_prompt_template="You are {{ account.name | shout }}.")
    house.visitor().say("Who are you, shout?")
    assert brain.about("Who are you, shout?")[0].instructions == "You are TEST HOUSE."


def test_prompt_variables(open_house: Open, brain: Brain) -> None:
    source = hook("prompt_variables(context)", "return {'weather': 'rain in ' + context.account['name']}")
    house = open_house({"weather": source})
    house.publish(system_prompt_template="Outside: {{ weather }}.")
    house.visitor().say("How is it outside?")
    assert brain.about("How is it outside?")[-1].instructions == "Outside: rain in Test House."


def test_veto_tool_call(open_house: Open) -> None:
    source = hook(
        "veto_tool_call(tool, arguments, context)",
        "return f\"no {arguments['text']} for {context.account['name']}\" if tool == 'note' else None",
    )
    house = open_house({"strict": source})
    assert house.visitor().say('call note {"text": "tea"}.') == "The tool said: Not called: no tea for Test House"
    assert house.sql("SELECT * FROM tool_calls") == []
    assert house.sql("SELECT notes FROM leads") == [("",)]


def test_edit_reply(open_house: Open) -> None:
    source = hook(
        "edit_reply(draft, context)", "draft.text = draft.text.replace('Echo', context.strategy['agent_name'])"
    )
    visitor = open_house({"sign": source}).visitor()
    assert visitor.say("Hello?") == "Robin: Hello?"


def test_edit_reply_may_not_empty_the_reply(open_house: Open) -> None:
    visitor = open_house({"mute": hook("edit_reply(draft, context)", "draft.text = '  '")}).visitor()
    assert visitor.say("Hello?") == "Echo: Hello?"


# --- afterwards ------------------------------------------------------------------------------------------


def test_on_event(open_house: Open) -> None:
    house = open_house({"witness": hook("on_event(event, host)", "seen.append(type(event).__name__)")})
    house.visitor().say('call note {"text": "likes tea"}.')
    seen = house.plugin("witness").seen
    assert seen == ["MessageTaken", "ToolCalled", "LeadChanged", "TurnRecorded"]
    texter = house.texter()
    texter.send("Hello.")
    house.drain()
    assert seen[4:] == ["MessageTaken", "TurnRecorded", "MessageSent"]


# --- failures ----------------------------------------------------------------------------------------------

SAFE_HOOKS = {
    "edit_message": ("message, line", "message.text += ' <good>'"),
    "find_lead": ("inbound, line, host", "seen.append(1)"),
    "veto_answer": ("context", "seen.append(1)"),
    "prompt_variables": ("context", "seen.append(1)"),
    "veto_tool_call": ("tool, arguments, context", "seen.append(1)"),
    "edit_reply": ("draft, context", "draft.text += ' <good>'"),
    "on_event": ("event, host", "seen.append(1)"),
}


@pytest.mark.parametrize("name", SAFE_HOOKS)
def test_one_failing_plugin_hides_no_other(name: str, open_house: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """Loaded before and after a good one, a broken one is logged by name, and the turn goes on."""
    parameters, body = SAFE_HOOKS[name]
    bad = f"{HEAD}\n@hookimpl\ndef {name}({parameters}):\n{FAILS}"
    house = open_house({"a_bad": bad, "good": hook(f"{name}({parameters})", body), "z_bad": bad})
    visitor = house.visitor()
    visitor.send('call note {"text": "x"}.')
    house.drain()
    [reply] = visitor.replies()
    texts = " ".join(message.text for message in visitor.transcript())
    assert "<good>" in texts or house.plugin("good").seen
    assert "Sorry" not in reply
    assert {("a_bad", name), ("z_bad", name)} <= set(failures(capsys.readouterr().out))


def test_a_plugin_that_ends_the_process_politely_is_only_a_failure(open_house: Open) -> None:
    """`sys.exit` in a hook must not take a worker thread or the web process with it."""
    house = open_house({"quitter": hook("on_event(event, host)", "raise SystemExit(3)")})
    assert house.visitor().say("Hello?") == "Echo: Hello?"


def test_live_events_survive_a_failing_plugin(open_house: Open) -> None:
    house = open_house({"bad": hook("on_event(event, host)", "raise RuntimeError('no')")})
    visitor = house.visitor()
    with visitor.watch() as watch:
        visitor.say("Hello?")
        kinds = [event.type for event in drain_events(watch)]
    assert kinds[0] == "message"
    assert kinds[-1] == "message"
    assert "delta" in kinds


def test_every_hook_has_its_test() -> None:
    manager = pluggy.PluginManager("receptionist")
    manager.add_hookspecs(hookspecs)
    hooks = {name for name in vars(manager.hook) if not name.startswith("_")}
    assert len(hooks) > 15
    assert {name for name in hooks if f"test_{name}" not in globals()} == set()

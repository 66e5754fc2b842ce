"""`receptionist turn`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from receptionist.cli.base import ID, account_option, printable, reading

if TYPE_CHECKING:
    from receptionist.db import AnyRow


@click.group()
def turn() -> None:
    """What the agent did, turn by turn, and why."""


@turn.command("list")
@click.option("--conversation", "conversation_id", type=ID, help="Only of this conversation.")
@click.option("--before", type=ID, help="The id from which to go on to older ones.")
@account_option
def turn_list(conversation_id: int | None, before: int | None, account: str | None) -> None:
    """List turns, the newest first."""
    from receptionist.services.conversations import turns

    with reading(account) as (_, _, scope):
        rows = turns.listed(scope, conversation_id, before)
    for row in rows:
        about = [row.state, row.model or "no model", f"{row.seconds or 0:.1f} s", _cost(row.cost), row.error or ""]
        what = ", ".join(filter(None, about))
        click.echo(f"{row.id}  {row.started_at:%Y-%m-%d %H:%M}  conversation {row.conversation_id}  {printable(what)}")
    if len(rows) == turns.PAGE:
        click.echo(f"More: --before {rows[-1].id}")
    if not rows:
        click.echo("None.")


@turn.command("show")
@click.argument("turn_id", type=ID)
@click.option("--prompt", is_flag=True, help="Print the instructions and notes the model was given, too.")
@account_option
def turn_show(turn_id: int, prompt: bool, account: str | None) -> None:
    """Print all that is known of turn TURN_ID: what was asked, shown, called, said and spent."""
    from receptionist.services.conversations import turns

    with reading(account) as (_, _, scope):
        row = turns.find(scope, turn_id)
        said, calls = turns.messages(scope, turn_id), turns.tool_calls(scope, turn_id)
        trace = row.trace or {}
        whole = [
            turns.message_id(scope, row.conversation_id, seq)
            for name in ("first_seq", "last_seq")
            if (seq := trace.get("shown", {}).get(name)) is not None
        ]
    _print_head(row)
    for message in said:
        who = message.author if message.direction == "out" else "customer"
        click.echo(f"{who} ({message.state}): {_indented(message.text)}")
    if said and all(message.direction == "out" for message in said):
        click.echo(f"What was asked was replayed later: receptionist conversation show {row.conversation_id}.")
    for call in calls:
        click.echo(f"tool {call.name} ({call.state}): {_indented(call.arguments)} -> {_indented(call.result)}")
    _print_trace(trace, whole, turns.delivered_after(said), prompt)


def _indented(text: str | None) -> str:
    """A text whose further lines cannot pass for lines of ours."""
    return printable(text).replace("\n", "\n    ")


def _print_head(row: AnyRow) -> None:
    strategy = f"{row.strategy}, version {row.version}" if row.strategy else "none"
    click.echo(
        f"Turn {row.id} of conversation {row.conversation_id}: {row.state}, {row.started_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    click.echo(
        f"Strategy: {printable(strategy)}. Model: {printable(row.model) or 'none'}. Took {row.seconds or 0:.2f} s."
    )
    tokens = f"{row.input_tokens} in ({row.cached_tokens} cached), {row.output_tokens} out"
    unknown = "no price is known" if row.model else "none"
    click.echo(f"Tokens: {tokens} ({row.reasoning_tokens} reasoning). Cost: {_cost(row.cost) or unknown}.")
    if row.ticket is not None:
        click.echo(f"Its number in a chat's live events: {row.ticket}.")
    if row.error:
        click.echo(f"Why: {printable(row.error)}")


def _print_trace(trace: dict[str, Any], whole: list[int | None], delivered: float | None, prompt: bool) -> None:
    shown = trace.get("shown", {})
    if shown:
        tools = ", ".join(shown["tools"]) or "none"
        click.echo(f"Shown: {shown['messages']} messages, {shown['goals']} open goals; tools: {tools}.")
        if shown.get("shortened"):
            click.echo("More was too long for the model, so it was asked once more with half of the history.")
        if whole:
            first, last = (number or "one that is gone" for number in whole)
            click.echo(f"Messages shown whole: {first} to {last} of the conversation.")
    for number, one in enumerate(trace.get("rounds", ()), 1):
        details = ", ".join(f"{name} {json.dumps(value)}" for name, value in one.items() if name != "model")
        click.echo(f"Round {number}: {printable(one['model'])}: {printable(details)}")
    for step, seconds in trace.get("steps", {}).items():
        click.echo(f"Step {step}: {seconds:.3f} s")
    if delivered is not None:
        click.echo(f"Step deliver: {delivered:.3f} s")
    for text in trace.get("withdrawn", ()):
        click.echo(f"Withdrawn: {printable(text)}")
    for note in shown.get("notes", ()) if prompt else ():
        click.echo("Note: " + printable(note))
    if prompt and shown:
        click.echo("Instructions:\n" + printable(shown["instructions"]))


def _cost(cost: int | None) -> str:
    return "" if cost is None else f"${cost / 1_000_000:.6f}"

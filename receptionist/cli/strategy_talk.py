"""`receptionist strategy`: seeing and hearing one before customers do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from receptionist.cli.base import ID, account_option, find_account, printable, ready
from receptionist.cli.strategy import chosen_fields, draft_option, strategy, version_option
from receptionist.errors import AdminError, ModelError

if TYPE_CHECKING:
    from receptionist.agents.rehearsal import Rehearsal
    from receptionist.db import Scope
    from receptionist.parts import Parts
    from receptionist.services.directory import Office, PublishedStrategy
    from receptionist.services.strategies.next_turn import NextTurn

T = TypeVar("T")

SHOWN = 2000
"""Characters of a tool's result that a chat shows; the model gets all of it."""


@strategy.command("render")
@click.argument("name")
@click.option("--lead", "lead_id", type=ID, help="For this lead; without it, for somebody unknown who writes first.")
@click.option("--line", "line_id", type=ID, help="On this line; without it, where the lead wrote last.")
@version_option
@draft_option
@account_option
def strategy_render(
    name: str, lead_id: int | None, line_id: int | None, number: int | None, draft: bool, account: str | None
) -> None:
    """Print the prompt exactly as the model would get it now, in the next turn of a lead on a line."""
    from receptionist.agents.rehearsal import prompt_of
    from receptionist.services.strategies.next_turn import next_turn

    parts, factory = ready()
    account_id = find_account(parts.database, account)
    _, chosen = _chosen(parts, account_id, name, number, draft)
    office = parts.directory.office(account_id)
    turn: NextTurn | None = None
    if lead_id is not None:
        turn = _looked_up(parts, account_id, lambda scope: next_turn(scope, lead_id, line_id))
        line_id = turn.line_id
    prompt = prompt_of(factory, office, chosen, _line(office, chosen, line_id), turn)
    if prompt.stored is not None:
        version = f", version {prompt.stored.version}" if prompt.stored.version else ""
        click.echo(f"The prompt is kept at the vendor: {prompt.stored.id}{version}, with these variables:")
        for variable, value in prompt.stored.variables.items():
            click.echo(f"{variable}: {printable(value)}")
        return
    click.echo(printable("".join(prompt.pieces)))


@strategy.command("chat")
@click.argument("name")
@click.option("--line", "line_id", type=ID, help="As if on this line.")
@version_option
@draft_option
@account_option
def strategy_chat(name: str, line_id: int | None, number: int | None, draft: bool, account: str | None) -> None:
    """Talk to NAME in the terminal, or write to its standard input, one message a line."""
    from receptionist.agents.rehearsal import Rehearsal

    parts, factory = ready()
    account_id = find_account(parts.database, account)
    what, chosen = _chosen(parts, account_id, name, number, draft)
    office = parts.directory.office(account_id)
    try:
        models = " then ".join(choice.model.title for choice in factory.choices(chosen.fields))
    except ModelError as error:
        raise AdminError(f"Nobody can answer: {error}.") from error
    click.echo(
        f"This is a rehearsal with {what} of {name}; {models} answers. You are somebody made up, nothing is stored, "
        "and tools that change something are offered but not really called. Opening hours and credits do not matter. "
        "Ctrl-D ends it."
    )
    _talk(Rehearsal(parts, factory, office, chosen, _show_call, _line(office, chosen, line_id)), chosen)


def _talk(rehearsal: Rehearsal, chosen: PublishedStrategy) -> None:
    typed = sys.stdin.isatty()
    who = printable(chosen.fields.agent_name) or "Agent"
    while True:
        click.echo("You: ", nl=False)
        text = sys.stdin.buffer.readline().decode("utf-8", "replace")
        if not text:
            break
        if not typed:
            click.echo(printable(text.rstrip("\n")))
        if not text.strip():
            continue
        try:
            reply = rehearsal.say(text.strip())
            click.echo(f"{who}: {printable(reply)}" if reply else "(A plugin wants no answer to this.)")
        except (ModelError, AdminError) as error:
            click.echo(f"No answer: {printable(str(error))}")
            click.echo(f"A customer would get: {printable(chosen.fields.apology_text)}")
    click.echo()


def _show_call(name: str, arguments: str, output: str) -> None:
    shown = output if len(output) <= SHOWN else output[:SHOWN] + " …"
    click.echo(f"  [{printable(name)} {printable(arguments)}]")
    click.echo(f"  → {printable(shown)}")


def _chosen(parts: Parts, account_id: int, name: str, number: int | None, draft: bool) -> tuple[str, PublishedStrategy]:
    from receptionist.agents.rehearsal import unpublished
    from receptionist.services.strategies import strategies

    def look(scope: Scope) -> tuple[str, PublishedStrategy]:
        row = strategies.find(scope, name)
        what, fields = chosen_fields(scope, row, number, draft)
        return what, unpublished(row.id, row.name, number or row.published_number or 0, fields)

    return _looked_up(parts, account_id, look)


def _looked_up(parts: Parts, account_id: int, look: Callable[[Scope], T]) -> T:
    """What `look` finds in a transaction of its own, for the directory opens another one."""
    from receptionist.db import Scope

    with parts.database.read() as connection:
        return look(Scope(connection, account_id))


def _line(office: Office, chosen: PublishedStrategy, line_id: int | None) -> dict[str, Any]:
    """The line as prompts see it; without a number, one that the strategy answers on, or one made up."""
    from receptionist.agents.rehearsal import MADE_UP_LINE

    if line_id is None:
        own = (number for number, used in office.strategy_of_line.items() if used == chosen.id)
        line_id = next((number for number in own if number in office.lines), None)
    if line_id is None:
        return dict(MADE_UP_LINE)
    if line_id not in office.lines:
        raise AdminError(f"There is no active line {line_id}; see receptionist line list.")
    line = office.lines[line_id]
    return {"title": line.title, "channel": line.channel}

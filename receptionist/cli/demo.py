"""`receptionist demo`: many leads and messages, to see how lists feel."""

from __future__ import annotations

import time

import click

from receptionist.cli.base import ready
from receptionist.cli.progress import progress_shown
from receptionist.text import counted


@click.command()
@click.option("--large", is_flag=True, help="Fill the account; goes on where it was interrupted.")
@click.option("--remove", is_flag=True, help="Take the account away again, with all that is in it.")
@click.option("--leads", default=100_000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--messages", default=1_000_000, show_default=True, type=click.IntRange(0, 100_000_000))
def demo(large: bool, remove: bool, leads: int, messages: int) -> None:
    """Fill an account of its own, "Large demo", with people who do not exist, or take it away."""
    from receptionist.services.demo import large_demo

    if large == remove:
        raise click.UsageError("Say --large or --remove.")
    parts, factory = ready()
    begun = time.monotonic()
    with progress_shown("leads" if remove else "messages") as progress:
        if remove:
            there = large_demo.remove(parts.database, progress)
        else:
            large_demo.seed(parts, factory.check, large_demo.Size(leads, messages), progress)
    if remove:
        click.echo(
            f"{large_demo.ACCOUNT_NAME} is gone." if there else f"There is no account {large_demo.ACCOUNT_NAME}."
        )
        return
    there_are = f"{counted(leads, 'lead')} and {counted(messages, 'message')} are there"
    click.echo(f"{there_are}, after {time.monotonic() - begun:.0f} s.")
    click.echo(f'Look: receptionist lead list --account "{large_demo.ACCOUNT_NAME}"')

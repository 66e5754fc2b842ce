"""`receptionist run`, `web`, `worker`, `migrate`, `plugins` and `doctor`."""

from __future__ import annotations

import sys

import click

from receptionist.cli.base import assembled
from receptionist.config import Config, CoreSettings, find_instance_path
from receptionist.errors import AdminError


@click.command()
def run() -> None:
    """Serve and answer in one process, with nothing else to install."""
    _serve(answers=True)


@click.command()
def web() -> None:
    """Serve only: take messages in and show answers; a `receptionist worker` answers."""
    settings = Config(find_instance_path()).read(CoreSettings)
    if not settings.redis_url:
        click.echo(
            f"REDIS_URL is not set: each answer begins up to {settings.sweep_seconds:g} seconds later, "
            "is not shown word by word, and every web process counts rate limits for itself.",
            err=True,
        )
    _serve(answers=False)


@click.command()
def worker() -> None:
    """Answer only: work off what `receptionist web` took in; start as many as you like."""
    from receptionist.worker import work

    work(find_instance_path())


def _serve(*, answers: bool) -> None:
    from receptionist.server import Server

    try:
        server = Server(find_instance_path(), answers=answers)
    except AdminError as error:
        raise click.ClickException(str(error)) from error
    server.refuse_taken_port()
    sys.argv = ["receptionist"]
    server.run()


@click.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from receptionist import migrations
    from receptionist.core import open_database

    path = find_instance_path()
    database = open_database(Config(path).read(CoreSettings), path)
    migrations.upgrade(database)
    click.echo(f"The database is at revision {migrations.current(database)}.")


@click.command()
def plugins() -> None:
    """List the plugins: name, version, hooks and where they are."""
    parts, _ = assembled()
    for plugin in parts.plugins.list():
        click.echo(f"{plugin.name:<16} {plugin.version:<10} {', '.join(plugin.hooks)}")
        click.echo(f"{'':<16} {plugin.source}")


@click.command()
def doctor() -> None:
    """Check settings, database, model key and public address; say what is wrong and how to mend it."""
    from receptionist.doctor import examine

    parts, factory = assembled()
    troubled = False
    for finding in examine(parts, factory):
        mark = {True: "ok  ", False: "FAIL", None: "note"}[finding.good]
        click.echo(f"{mark} {finding.what}: {finding.text}")
        troubled = troubled or finding.good is False
    sys.exit(1 if troubled else 0)

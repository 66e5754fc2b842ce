"""`receptionist prompt-template`: the bundled prompt templates, to look at and to copy."""

from __future__ import annotations

import click


@click.group("prompt-template")
def prompt_template() -> None:
    """The prompt templates that come with Receptionist."""


@prompt_template.command("list")
def template_list() -> None:
    """List the templates and what each is for."""
    from receptionist.agents.bundled import bundled_names, purpose

    for name in bundled_names():
        click.echo(f"{name:<18} {purpose(name)}")


@prompt_template.command("show")
@click.argument("name")
def template_show(name: str) -> None:
    """Print the whole text of template NAME, ready to be changed and used as system_prompt_template."""
    from receptionist.agents.bundled import bundled

    click.echo(bundled(name), nl=False)

"""The Flask application of one process."""

from __future__ import annotations

from asyncio import CancelledError

from flask import Blueprint, Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from receptionist.cards import named
from receptionist.errors import PluginError
from receptionist.parts import Parts
from receptionist.templates_path import TEMPLATES
from receptionist.web import errors, files, headers, health, home, webhooks
from receptionist.web.bodies import WholeRequest

MAX_BODY = 1024 * 1024
"""Bytes of a request body, unless a route says otherwise."""


def create_app(parts: Parts) -> Flask:
    """The application over the parts of this process. Raises `PluginError` for a plugin's bad blueprint."""
    app = _App(
        "receptionist", instance_path=str(parts.instance_path), template_folder=str(TEMPLATES), static_folder=None
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["MAX_FORM_PARTS"] = 100
    if proxies := parts.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    headers.register(app, https=parts.host.public_url.startswith("https://"))
    errors.register(app)
    for blueprint in (
        health.make_blueprint(parts),
        webhooks.make_blueprint(parts),
        files.make_blueprint(parts),
        home.make_blueprint(parts),
    ):
        app.register_blueprint(blueprint)
    _mount_plugins(app, parts)
    return app


class _App(Flask):
    request_class = WholeRequest

    def full_dispatch_request(self) -> Response:
        """The answer to a request; a plugin's `sys.exit()` on the way is an error like any other and ends no server."""
        try:
            return super().full_dispatch_request()
        except (SystemExit, CancelledError) as error:
            raise RuntimeError(f"{type(error).__name__} in a plugin") from error


def _mount_plugins(app: Flask, parts: Parts) -> None:
    ours = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    found = named(parts.plugins.collect("register_blueprints", host=parts.host), Blueprint)
    for name, blueprint in found.items():
        prefix = blueprint.url_prefix or ""
        if prefix != f"/{name}" and not prefix.startswith(f"/{name}/"):
            raise PluginError(f"The blueprint {name} must have a url_prefix that begins with /{name}, not {prefix!r}.")
        if name in ours or name in app.blueprints:
            raise PluginError(f"The blueprint {name} has the name of one of ours. Rename it, and its url_prefix.")
        app.register_blueprint(blueprint)

"""The Flask application of one process."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from receptionist.errors import PluginError
from receptionist.parts import Parts
from receptionist.templates_path import TEMPLATES
from receptionist.web import errors, files, headers, health, home, webhooks

MAX_BODY = 1024 * 1024
"""Bytes of a request body, unless a route says otherwise."""


def create_app(parts: Parts) -> Flask:
    """The application over the parts of this process. Raises `PluginError` for a plugin's bad blueprint."""
    app = Flask(
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


def _mount_plugins(app: Flask, parts: Parts) -> None:
    for name, blueprint in parts.plugins.collect("register_blueprints", host=parts.host).items():
        prefix = blueprint.url_prefix or ""
        if not prefix.startswith(f"/{name}"):
            raise PluginError(f"The blueprint {name} must have a url_prefix that begins with /{name}, not {prefix!r}.")
        app.register_blueprint(blueprint)

"""The chat bubble for a business's website: one script tag, no build step, no frame.

    <script src="https://HOST/webchat/widget.js" data-line="KEY" async></script>

Optional attributes: `data-identity="<JWT signed by the site>"` for a signed-in customer (leave it empty when
`receptionist.identify(jwt)` follows later), and `data-language="de"`.

**Why a closed shadow root and not an iframe.** Inside an iframe every request would carry *our* origin, and a
list of allowed sites could only be a `frame-ancestors` header, which says who may show the chat, not who may use it.
From a shadow root every request and every WebSocket handshake carries the *host page's* origin, so the server checks
the line's allowed origins itself. Storage is first-party to the site (nothing is partitioned or blocked as a
third-party cookie), there is no second document to load, and no `postMessage` to secure. What a shadow root does
not do: hide the chat from the site's own scripts. A business that embeds the chat trusts its own pages with it.

An origin list is a limit, not a proof: programs can send any `Origin`. What protects a conversation is the visitor's
signed token; what protects the installation are the rate limits. A signed-in customer is proved by a JWT of the site
(HS256 with the line's identity secret); without one a visitor is a random, unverified address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from receptionist import Channel, Host, Settings, hookimpl

from .channel import WebChat
from .settings import WebchatSettings

if TYPE_CHECKING:
    import flask


@hookimpl
def register_settings() -> Iterable[type[Settings]]:
    """The installation's own settings for the chat."""
    return [WebchatSettings]


@hookimpl
def register_channels(host: Host) -> Iterable[Channel]:
    """The channel "webchat"."""
    return [WebChat(host)]


@hookimpl
def register_blueprints(host: Host) -> Iterable[flask.Blueprint]:
    """What the widget talks to, below `/webchat`."""
    from .routes import make_blueprint  # Flask is loaded where something is served: not in workers and commands

    return [make_blueprint(host)]

"""Security headers on every answer (OWASP ASVS 5.0, 3.4)."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)


def register(app: Flask, *, https: bool) -> None:
    """Add headers to every answer; `https` also tells browsers to insist on it."""

    @app.before_request
    def make_nonce() -> None:
        g.csp_nonce = secrets.token_urlsafe(16)

    @app.context_processor
    def nonce() -> dict[str, str]:
        return {"csp_nonce": g.csp_nonce}

    @app.after_request
    def add(response: Response) -> Response:
        wanted = [("Content-Security-Policy", _policy(getattr(g, "csp_nonce", ""))), *_ALWAYS]
        if https and request.is_secure:
            wanted.append(("Strict-Transport-Security", "max-age=31536000"))
        set_by_route = {name.lower() for name, _ in response.headers}
        response.headers.extend([header for header in wanted if header[0].lower() not in set_by_route])
        return response


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )

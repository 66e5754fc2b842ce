"""What an admin decides about a chat line, and what an installation decides about all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from receptionist import LineSettings, Settings

from .origins import normal_origin

TEXT_LIMIT = 8000
"""Characters per message on this channel, in both directions."""


def _strong(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not 32 <= len(secret.get_secret_value().encode()) <= 512:
        raise ValueError("the identity secret must have 32 to 512 bytes (RFC 7518 asks for 32 with HS256)")
    return secret


def _long_hex(colour: str) -> str:
    return colour.lower() if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:]).lower()


Origin = Annotated[str, Field(max_length=300), AfterValidator(normal_origin)]
Colour = Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"), AfterValidator(_long_hex)]


class WebchatSettings(Settings):
    """Settings of the whole installation, from the environment."""

    webchat_max_sockets: int = Field(
        default=100,
        ge=0,
        description="Open chat sockets per web process; each holds a thread. Further visitors poll instead.",
    )


class WebChatLine(LineSettings):
    """The settings of one chat line."""

    allowed_origins: list[Origin] = Field(
        default=[],
        max_length=50,
        description="Websites that may show this chat: https://www.example.com, or https://*.example.com for all "
        "hosts below it. This installation's own pages always may.",
    )
    title: str = Field(default="", max_length=80, description="Heading of the chat; empty: the business's name.")
    greeting: str = Field(
        default="", max_length=500, description="First words in the chat; empty: how the strategy greets."
    )
    colour: Colour = Field(default="#2f5bea", description="Accent colour as #rrggbb.")
    position: Literal["left", "right"] = Field(default="right", description="Corner of the page.")
    language: Literal["auto", "en", "es", "de", "fr"] = Field(
        default="auto", description="Language of the chat's own words; auto: the visitor's."
    )
    identity_secret: Annotated[SecretStr | None, AfterValidator(_strong)] = Field(
        default=None,
        description="Signs JWTs (HS256) for customers who are signed in to the website; 32 bytes or more.",
    )
    messages_per_minute: int = Field(default=20, ge=1, le=600, description="Messages one visitor may send.")
    line_messages_per_minute: int = Field(
        default=600, ge=1, le=100_000, description="Messages all visitors together may send."
    )
    max_text: int = Field(default=4000, ge=1, le=TEXT_LIMIT, description="Characters in one message of a visitor.")

"""What the installation decides about the model server."""

from __future__ import annotations

import urllib.parse
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from receptionist import Settings

OPENAI_URL = "https://api.openai.com/v1"


class OpenAISettings(Settings):
    """Set the key for OpenAI; set the address, and a model that server has, for another one."""

    openai_api_key: SecretStr = Field(default=SecretStr(""), description="The key; many local servers need none.")
    openai_base_url: str = Field(
        default="", description="Address of a compatible server, such as http://localhost:11434/v1; empty for OpenAI."
    )
    openai_model: str = Field(
        default="gpt-6-luna", min_length=1, description="The model where a strategy names none. Models are retired."
    )
    openai_flavor: Literal["auto", "openai", "compatible"] = Field(
        default="auto",
        description="Whether the server knows all of OpenAI's parameters: 'openai' for a gateway in front of OpenAI, "
        "'compatible' sends only widely supported ones; 'auto' judges by the address.",
    )
    openai_silence_seconds: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description="How long the server may send nothing before the call is given up and tried again; raise it for a "
        "slow machine. The turn's own deadline holds in any case.",
    )

    @field_validator("openai_api_key")
    @classmethod
    def _printable(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not all("!" <= character <= "~" for character in key):
            raise ValueError("the key holds characters that no key has; copy it again")
        return SecretStr(key)

    @field_validator("openai_base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        parts = urllib.parse.urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username):
            raise ValueError("write the address like https://api.openai.com/v1 (http or https, no query, no login)")
        return value

    @property
    def server(self) -> str:
        """The address in use, without a slash at the end."""
        return self.openai_base_url or OPENAI_URL

    @property
    def is_openai(self) -> bool:
        """Whether all of OpenAI's own parameters may be sent."""
        if self.openai_flavor != "auto":
            return self.openai_flavor == "openai"
        return self.is_vendor_host

    @property
    def is_vendor_host(self) -> bool:
        """Whether the address is one of OpenAI's own, regional ones included."""
        host = urllib.parse.urlsplit(self.server).hostname or ""
        return host == "api.openai.com" or host.endswith(".api.openai.com")

    @property
    def configured(self) -> bool:
        """Whether this is enough to answer: a key, or a server of one's own."""
        return bool(self.openai_api_key.get_secret_value()) or not self.is_vendor_host

"""Settings a plugin reads from the environment."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Base of a plugin's settings for the whole installation.

    Each field is read from the environment variable (or the line in `instance/settings.env`) of the same
    name in capitals: `openai_api_key` from `OPENAI_API_KEY`. Give every field a default and a description;
    use `pydantic.SecretStr` for secrets. Only core makes instances: ask `host.settings(MySettings)`.
    """

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

"""Settings of the installation: the only module that reads the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from receptionist.contracts.settings import Settings
from receptionist.errors import SettingsError

S = TypeVar("S", bound=Settings)

FILE_NAME = "settings.env"


class CoreSettings(Settings):
    """What the core itself can be told. Times are in seconds."""

    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite in the instance folder.")
    secret_key: SecretStr | None = Field(
        default=None, description="Key for secrets at rest and tokens; empty means a file in the instance folder."
    )
    public_url: str = Field(
        default="", description="Address customers and vendors use; empty means http://127.0.0.1 and the port."
    )
    redis_url: str = Field(
        default="",
        description="Address of a Redis that the processes of one installation share, redis:// or rediss:// (TLS); "
        "empty means that everything runs in one process.",
    )
    host: str = Field(
        default="",
        description="Address to listen on; empty means 127.0.0.1 for `receptionist run` and 0.0.0.0 for "
        "`receptionist web`, in front of which a host puts its router.",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Reverse proxies in front of this server; that many last entries of X-Forwarded-For and "
        "X-Forwarded-Proto are believed. 0 means that customers reach it directly.",
    )
    web_concurrency: int = Field(
        default=1, ge=1, le=64, description="Processes that one `receptionist web` serves with; `run` always has one."
    )
    web_threads: int = Field(
        default=160, ge=8, le=2000, description="Requests and open sockets served at once by one web process."
    )
    worker_threads: int = Field(default=128, ge=1, le=1000, description="Conversations answered at once.")
    disabled_plugins: str = Field(default="", description="Names of plugins to leave out, separated by commas.")
    turn_seconds: float = Field(default=50, gt=0, le=55, description="Longest wait for an answer before the apology.")
    lease_seconds: float = Field(default=30, gt=1, description="How long a worker holds a conversation unrenewed.")
    sweep_seconds: float = Field(default=10, gt=0, description="How often forgotten work is looked for.")
    session_ttl_hours: float = Field(
        default=24, gt=0, description="How long a process remembers the goals of a conversation that is quiet."
    )
    max_cache_size: int = Field(
        default=5000, ge=1, description="Conversations, and leads, that a process remembers; others are read again."
    )
    history_tokens: int = Field(
        default=6000, ge=200, description="How much of a conversation the model is shown, in tokens of 4 characters."
    )
    trace_days: int = Field(
        default=30,
        ge=1,
        description="Days after which traces of turns, which repeat what customers wrote, are dropped.",
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not _is_origin(value):
            raise ValueError("write it like https://chat.example.com, without a path")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            good = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            good = False
        if value and not good:
            raise ValueError("write it like redis://127.0.0.1:6379/0, or rediss:// for TLS")
        return value

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("choose debug, info, warning or error")
        return value.lower()


class Config:
    """Reads settings for one installation: the environment first, then `settings.env` in its folder."""

    def __init__(self, instance_path: Path) -> None:
        self.instance_path = instance_path
        self.file = instance_path / FILE_NAME

    def read(self, kind: type[S]) -> S:
        """Settings of one kind. Raises `SettingsError` naming each wrong setting and the cure."""
        list(self._names())  # says clearly what cannot be read
        try:
            return kind(_env_file=self.file, _env_file_encoding="utf-8")  # type: ignore[call-arg]
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    def refuse_unknown(self, kinds: list[type[Settings]]) -> None:
        """Raises `SettingsError` if the file holds a line that is no setting, or a name that nobody reads."""
        known = [name for kind in kinds for name in setting_names(kind)]
        for line, name in self._names():
            if name is None:
                raise SettingsError(f"{self.file}, line {line}: this is no setting. Write NAME=value, quotes closed.")
            if name.upper() not in known:
                close = difflib.get_close_matches(name.upper(), known, 1)
                hint = f" Did you mean {close[0]}?" if close else " See docs/settings.md."
                raise SettingsError(f"{self.file}, line {line}: there is no setting {name}.{hint}")

    def _names(self) -> Iterator[tuple[int, str | None]]:
        """Line number and name of each setting in the file; None where the line cannot be read."""
        from dotenv.parser import parse_stream

        try:
            with self.file.open(encoding="utf-8") as stream:
                bindings = list(parse_stream(stream))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{self.file} cannot be read ({error}). Let the user that runs Receptionist own it."
            ) from error
        for binding in bindings:
            if binding.error or (binding.key is not None and binding.value is None):
                yield binding.original.line, None
            elif binding.key is not None:
                yield binding.original.line, binding.key


def find_instance_path() -> Path:
    """The folder the installation owns: `INSTANCE_PATH`, else `instance` below the working directory.

    From now on nobody else may read what this process writes: it is what customers said. Raises `SettingsError`.
    """
    path = Path(os.environ.get("INSTANCE_PATH") or "instance").resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_uid == os.getuid():
            path.chmod(0o700)  # a checkout brings the folder along, readable by all
    except OSError as error:
        raise SettingsError(
            f"The folder {path} cannot be made or used ({error}). Set INSTANCE_PATH to one that can."
        ) from error
    os.umask(0o077)
    return path


def environment_for(instance_path: Path) -> dict[str, str]:
    """The environment for another process of the same installation."""
    return {**os.environ, "INSTANCE_PATH": str(instance_path)}


def setting_names(kind: type[Settings]) -> list[str]:
    """Names of the environment variables one settings class reads."""
    return [name.upper() for name in kind.model_fields]


def _is_origin(value: str) -> bool:
    """Whether it is scheme, host and perhaps port of a website, and nothing more than a / behind them."""
    try:
        parts = urlsplit(value)
        more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or " " in parts.netloc
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not more
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in problem["loc"]).upper()
        lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}.")
    return " ".join(lines) + " Mend it in the environment or in settings.env; see docs/settings.md."

"""Puts a process together, top to bottom: settings, keys, database, plugins, what plugins registered."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError

from receptionist import loader
from receptionist.agents.factory import AgentFactory
from receptionist.cards import named
from receptionist.config import Config, CoreSettings
from receptionist.contracts.calendar import Calendar
from receptionist.contracts.channel import Channel
from receptionist.contracts.model import Model
from receptionist.contracts.settings import Settings
from receptionist.contracts.storage import Storage
from receptionist.contracts.tool import Tool
from receptionist.db import Database
from receptionist.errors import PluginError, SettingsError
from receptionist.host import PluginHost
from receptionist.live.bus import MemoryBus
from receptionist.parts import Parts
from receptionist.security.fingerprint import Fingerprints
from receptionist.security.keys import FILE_NAME as KEY_FILE
from receptionist.security.keys import load_secret_key
from receptionist.security.limits import Limits
from receptionist.security.tokens import Signer
from receptionist.security.vault import Vault
from receptionist.services import lines
from receptionist.services.directory import Directory
from receptionist.services.leads.consent import Consents
from receptionist.services.leads.forgotten import Forgotten

if TYPE_CHECKING:
    from receptionist.live.link import RedisLink

DATABASE_FILE = "receptionist.db"
DATABASE_HINT = "Write it like postgresql://user:password@host:5432/name, or leave it empty for SQLite."


def database_url(settings: CoreSettings, instance_path: Path) -> str:
    """Where the rows are: the configured database, else SQLite in the instance folder."""
    return settings.database_url or f"sqlite:///{instance_path / DATABASE_FILE}"


def assemble(instance_path: Path) -> tuple[Parts, AgentFactory]:
    """All parts of a process. Call it after fork: it opens the database and lets plugins make their objects.

    Raises an `AdminError` that names what is wrong: a setting, a key file, a plugin.
    """
    config = Config(instance_path)
    settings = config.read(CoreSettings)
    plugins = loader.Plugins(instance_path, settings.disabled_plugins.split(","))
    database = open_database(settings, instance_path)
    key = _secret_key(settings, instance_path, database)
    link = _redis(settings, key)
    fingerprints = Fingerprints(key)
    parts = Parts(
        config=config,
        settings=settings,
        database=database,
        vault=Vault(key),
        signer=Signer(key),
        consents=Consents(fingerprints),
        forgotten=Forgotten(fingerprints),
        limits=Limits(redis=link),
        bus=MemoryBus(),
        plugins=plugins,
        redis=link,
    )
    host = PluginHost(parts, _settings(config, plugins))
    parts.host, parts.take_in = host, functools.partial(host.take_in, pulled=True)
    _register(parts)
    parts.directory = Directory(parts.database, parts.vault, parts.channels)
    factory = AgentFactory(parts)
    parts.directory.notice_of = factory.notice
    return parts, factory


def open_database(settings: CoreSettings, instance_path: Path) -> Database:
    """The database, not connected yet. Raises `SettingsError` for an address that cannot be used."""
    try:
        database = Database(database_url(settings, instance_path))
        if not database.is_sqlite:
            _check_parameters(database.engine)
    except (ImportError, ArgumentError) as error:
        raise SettingsError(f"DATABASE_URL does not work here ({error}). {DATABASE_HINT}") from error
    except TypeError as error:  # SQLite in memory, which each process would have for itself
        raise SettingsError(f"DATABASE_URL names no file. {DATABASE_HINT}") from error
    except ValueError:  # its text may hold a part of the password
        raise SettingsError(
            "DATABASE_URL cannot be read. Write it like postgresql://user:password@host:5432/name, with special "
            "characters of the password percent-encoded (/ as %2F)."
        ) from None
    return database


def _check_parameters(engine: Engine) -> None:
    """Raises `ArgumentError` for what stands behind the ? of the address and is no parameter of PostgreSQL's."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo(**dict.fromkeys(engine.url.query, ""))
    except ProgrammingError as error:
        raise ArgumentError(str(error).strip()) from error


def _redis(settings: CoreSettings, key: bytes) -> RedisLink | None:
    """The way to Redis. Its client is imported only where there is one: it is 10 MB of memory."""
    if not settings.redis_url:
        return None
    from receptionist.live.link import RedisLink

    try:
        return RedisLink(settings.redis_url, key)
    except ValueError as error:
        raise SettingsError(f"REDIS_URL does not work here ({error}). Leave that parameter out.") from error


def _secret_key(settings: CoreSettings, instance_path: Path, database: Database) -> bytes:
    """The key; a new one is made only where nothing was sealed with an older one."""
    configured = settings.secret_key.get_secret_value() if settings.secret_key else None
    if not configured and not (instance_path / KEY_FILE).exists() and lines.any_sealed(database):
        raise SettingsError(
            f"{instance_path / KEY_FILE} is missing, but the database holds secrets that were sealed with it. "
            "Bring it back from your backup, or set SECRET_KEY to the key it held."
        )
    return load_secret_key(configured, instance_path)


def settings_kinds(plugins: loader.Plugins) -> list[type[Settings]]:
    """All settings classes there are: core's first, then those of plugins."""
    return [CoreSettings, *plugins.collect("register_settings").values()]


def _settings(config: Config, plugins: loader.Plugins) -> dict[type[Settings], Settings]:
    kinds = settings_kinds(plugins)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Settings)):
            raise PluginError(f"{kind!r} must be a subclass of receptionist.Settings.")
    config.refuse_unknown(kinds)
    return {kind: config.read(kind) for kind in kinds}


def _register(parts: Parts) -> None:
    plugins, host = parts.plugins, parts.host
    parts.channels = named(plugins.collect("register_channels", host=host), Channel)
    parts.tools = named(plugins.collect("register_tools", host=host), Tool)
    parts.models = named(plugins.collect("register_models", host=host), Model)
    parts.calendars = named(plugins.collect("register_calendars", host=host), Calendar)
    parts.storages = named(plugins.collect("register_storages", host=host), Storage)

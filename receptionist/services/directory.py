"""What an account has set up, remembered per process and renewed when its revision grows."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ValidationError

from receptionist.contracts.channel import Channel, Line, LineSettings
from receptionist.contracts.limits import Limits
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Database, Scope
from receptionist.errors import MISTAKES, LineError, NotFound, SettingsError, Unavailable
from receptionist.models import Account, Strategy, StrategyVersion, table
from receptionist.models import Line as LineRow
from receptionist.problems import problems
from receptionist.security.vault import Vault
from receptionist.services import limits, prices
from receptionist.services.lines import open_settings
from receptionist.services.prices import Price
from receptionist.text import storable

REMEMBERED_ACCOUNTS = 1000
SECONDS_OLD = 1.0
"""How old a line may be that a request is checked against; what is taken in is checked once more when it is stored."""

log = structlog.get_logger()


_lines, _accounts = table(LineRow), table(Account)

BY_KEY = (
    sa.select(_lines.c.id, _lines.c.account_id, _accounts.c.revision)
    .join(_accounts, _accounts.c.id == _lines.c.account_id)
    .where(_lines.c.key == sa.bindparam("b_key"), _lines.c.channel == sa.bindparam("b_channel"))
)
"""The one look-up that begins without an account: the key in the URL says whose line it is."""


@dataclass(frozen=True, slots=True)
class PublishedStrategy:
    """The version that answers; `plain` is its fields as plain values, made once."""

    version_id: int
    number: int
    id: int
    name: str
    fields: StrategyFields
    plain: Mapping[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Office:
    """One account as it was at `revision`: its active lines, and the published strategies that are active."""

    id: int
    name: str
    timezone: str
    country: str | None
    person_minutes: int
    """How long a customer who was promised a person waits before the agent takes a message."""
    revision: int
    metered: bool
    lines: Mapping[int, Line]
    strategies: Mapping[int, PublishedStrategy]
    strategy_of_line: Mapping[int, int]
    idle_strategies: Mapping[int, str]
    """Strategies that may not answer, and why: inactive, never published, or with fields that cannot be read."""
    unusable: Mapping[int, str] = field(default_factory=dict)
    """Active lines whose settings cannot be used, and why: sealed with another key, not what the channel takes, or of a
    channel that no plugin of this process brings."""
    limits: Limits = field(default_factory=Limits)
    prices: Mapping[str, Price] = field(default_factory=dict)
    """What its models cost, by name or pattern."""

    def line(self, line_id: int) -> Line:
        """An active line. Raises `NotFound`, or `Unavailable` if its settings cannot be read."""
        if line_id in self.unusable:
            raise Unavailable("This line's settings cannot be read; the log says why.")
        if line_id not in self.lines:
            raise NotFound("This line is not active.")
        return self.lines[line_id]

    def no_line(self, line_id: int) -> str:
        """Why `lines` has no such line, for the admin."""
        if line_id in self.unusable:
            return f"the settings of line {line_id} cannot be used: {self.unusable[line_id]}"
        return f"line {line_id} is not active"

    def strategy(self, line_id: int, own: int | None = None) -> PublishedStrategy | None:
        """The strategy that answers on a line, or the lead's `own`, which wins; None if there is none that may."""
        return self.strategies.get(own or self.strategy_of_line.get(line_id, 0))

    def no_strategy(self, line_id: int, own: int | None = None) -> str:
        """Why `strategy` is None, for the admin."""
        whose, wanted = ("the lead", own) if own else ("the line", self.strategy_of_line.get(line_id))
        if wanted is None:
            return "the line has no strategy"
        return f"{whose}'s strategy {self.idle_strategies.get(wanted, 'does not exist')}"


class Directory:
    """Looks offices up; a look-up costs no query while nothing changed and the caller knows the revision."""

    def __init__(self, database: Database, vault: Vault, channels: Mapping[str, Channel]) -> None:
        self._database = database
        self._vault = vault
        self._channels = channels
        self._offices: OrderedDict[int, Office] = OrderedDict()
        self._lines: OrderedDict[tuple[str, str], tuple[float, Line]] = OrderedDict()
        self._told: dict[int, str] = {}
        self._lock = threading.Lock()
        self.silent = False
        """Set by commands, which say in words what is wrong with a line."""
        self.notice_of: Callable[[PublishedStrategy | None], str] = lambda strategy: ""
        """Set by the core: what customers must be told about the model a strategy uses."""

    def office(self, account_id: int, revision: int | None = None) -> Office:
        """The account's office; renewed if it is older than `revision` (None: whatever is remembered).

        Not within a transaction: renewing takes a connection, and a thread may hold only one."""
        with self._lock:
            office = self._offices.get(account_id)
            if office is not None:
                self._offices.move_to_end(account_id)
        if office is not None and office.revision >= (revision or 0):
            return office
        return self._keep(self._load(account_id))

    def _keep(self, office: Office) -> Office:
        """The newest that is known, which another thread may have loaded meanwhile."""
        with self._lock:
            known = self._offices.get(office.id)
            if known is not None and known.revision > office.revision:
                return known
            self._offices[office.id] = office
            while len(self._offices) > REMEMBERED_ACCOUNTS:
                self._offices.popitem(last=False)
            return office

    def by_key(self, channel: str, key: str, *, fresh: bool = False) -> Line:
        """The active line with this public key, as it was at most a second ago, or with `fresh` is now.

        Raises `NotFound`, or `Unavailable` if its settings cannot be read."""
        now = time.monotonic()
        with self._lock:
            known = self._lines.get((channel, key))
        if known is not None and not fresh and now - known[0] < SECONDS_OLD:
            return known[1]
        line = self._look_up(channel, key)
        with self._lock:
            self._lines[(channel, key)] = (now, line)
            while len(self._lines) > REMEMBERED_ACCOUNTS:
                self._lines.popitem(last=False)
        return line

    def _look_up(self, channel: str, key: str) -> Line:
        if storable(channel + key) != channel + key:
            raise NotFound("There is no such line.")
        with self._database.read(once=True) as connection:
            row = connection.execute(BY_KEY, {"b_channel": channel, "b_key": key}).first()
        if row is None:
            raise NotFound("There is no such line.")
        return self.office(row.account_id, row.revision).line(row.id)

    def _load(self, account_id: int) -> Office:
        with self._database.read() as connection:
            account = connection.execute(sa.select(Account.__table__).where(Account.id == account_id)).one()
            scope = Scope(connection, account_id)
            rows = scope.all(scope.select(LineRow).where(LineRow.active))
            strategies, idle = _strategies(scope)
            known_prices = prices.known(scope)
        of_line = {row.id: row.strategy_id for row in rows if row.strategy_id}
        lines, unusable = {}, {}
        for row in rows:
            channel = self._channels.get(row.channel)
            try:
                if channel is None:
                    raise SettingsError(f"no plugin here brings its channel {row.channel}; enable one")
                lines[row.id] = self._line(account, row, strategies.get(of_line.get(row.id, 0)))
            except MISTAKES as error:  # one line's trouble, or a mistake in its channel, must not stop the others
                unusable[row.id] = _reason(error, channel.Settings if channel else LineSettings)
        self._tell(rows, unusable)
        return Office(
            account.id,
            account.name,
            account.timezone,
            account.country,
            account.person_minutes,
            account.revision,
            account.credits is not None,
            lines,
            strategies,
            of_line,
            idle,
            unusable,
            _limits(account),
            known_prices,
        )

    def _tell(self, rows: Sequence[AnyRow], unusable: Mapping[int, str]) -> None:
        """Log what is wrong with lines, each reason once: accounts are loaded anew for much else."""
        for row in rows:
            with self._lock:
                known = self._told.pop(row.id, None)
                if (reason := unusable.get(row.id)) is not None:
                    self._told[row.id] = reason
            if reason not in (None, known) and not self.silent:
                log.error("line_unusable", line=row.id, channel=row.channel, reason=reason)

    def _line(self, account: AnyRow, row: AnyRow, strategy: PublishedStrategy | None) -> Line:
        return Line(
            row.id,
            account.id,
            account.name,
            row.channel,
            row.key,
            row.title,
            row.address,
            settings=open_settings(self._channels[row.channel], row, self._vault),
            greeting=_greeting(strategy),
            notice=self.notice_of(strategy),
            fallback_text=row.fallback_text,
            revision=account.revision,
        )


def _greeting(strategy: PublishedStrategy | None) -> str:
    """What a client may show before anything is said; a greeting that is a template says nothing by itself."""
    greeting = strategy.fields.greeting if strategy else ""
    return "" if "{" in greeting else greeting


def _limits(account: AnyRow) -> Limits:
    try:
        return limits.parse(account.limits)
    except LineError as error:  # written by hand; what protects must not stop the account
        log.error("limits_unusable", account=account.id, reason=str(error))
        return Limits()


def _reason(error: BaseException, kind: type[BaseModel]) -> str:
    """Why settings or fields cannot be read, without their values."""
    if isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, ValidationError):
        return problems(error, kind).removesuffix(".")
    return f"its channel failed at them with {type(error).__name__}"


def _strategies(scope: Scope) -> tuple[dict[int, PublishedStrategy], dict[int, str]]:
    """Those that may answer, and why the others may not."""
    columns = (Strategy.id, Strategy.name, Strategy.active, StrategyVersion.id.label("version_id"))
    statement = scope.select(Strategy, *columns, StrategyVersion.fields, StrategyVersion.number).outerjoin(
        StrategyVersion,
        sa.and_(
            Strategy.account_id == StrategyVersion.account_id,
            Strategy.id == StrategyVersion.strategy_id,
            Strategy.published_number == StrategyVersion.number,
        ),
    )
    found, idle = {}, {}
    for row in scope.all(statement):
        if row.version_id is None or not row.active:
            idle[row.id] = f"{row.name} is not active" if row.version_id else f"{row.name} was never published"
            continue
        try:
            fields = StrategyFields.model_validate(row.fields)
        except ValidationError as error:  # one strategy's trouble must not stop the others
            reason = _reason(error, StrategyFields)
            idle[row.id] = f"{row.name} cannot be used: {reason}"
            log.error("strategy_unusable", strategy=row.id, reason=reason)
            continue
        plain = fields.model_dump(mode="json")
        found[row.id] = PublishedStrategy(row.version_id, row.number, row.id, row.name, fields, plain)
    return found, idle

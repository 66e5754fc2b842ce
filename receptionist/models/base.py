"""What all tables share: ids, times, and the rule that every row belongs to an account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from receptionist.db import UtcDateTime, db_now

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")

Id = Annotated[int, mapped_column(BigId, primary_key=True)]
Ref = Annotated[int, mapped_column(BigId)]
Moment = Annotated[datetime, mapped_column(UtcDateTime)]
Made = Annotated[datetime, mapped_column(UtcDateTime, insert_default=db_now())]


class Base(DeclarativeBase):
    """The metadata of all tables."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Owned:
    """A row of an account. Others refer to it by (account_id, id), so no row can point into another account."""

    id: Mapped[Id]

    @declared_attr
    @classmethod
    def account_id(cls) -> Mapped[int]:
        """The account the row belongs to."""
        return mapped_column(BigId, sa.ForeignKey("accounts.id"), nullable=False)


def owned(*rest: SchemaItem) -> tuple[SchemaItem | dict[str, bool], ...]:
    """`__table_args__` of an owned table: its (account_id, id) key, then `rest`. Ids are never used twice."""
    return (sa.UniqueConstraint("account_id", "id"), *rest, {"sqlite_autoincrement": True})


def belongs_to(table: str, column: str) -> sa.ForeignKeyConstraint:
    """A foreign key within the account: (account_id, column) → (account_id, id) of `table`."""
    return sa.ForeignKeyConstraint(["account_id", column], [f"{table}.account_id", f"{table}.id"])


def table(model: type[Base]) -> sa.Table:
    """The table of a model. Statements over a table's own columns are built several times faster."""
    return cast(sa.Table, model.__table__)

"""Engine, sessions and the column types that make SQLite and PostgreSQL answer alike.

A session is opened at the edge, `with db.write()` is one transaction, and nothing below commits.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    ExceptionContext,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeEngine
from uuid_utils import compat


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Id(TypeDecorator[uuid.UUID]):
    """`uuid` on PostgreSQL; 16 bytes on SQLite, half of what its text takes."""

    impl = Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return LargeBinary(16) if dialect.name == "sqlite" else postgresql.UUID()

    def process_bind_param(self, value: uuid.UUID | None, dialect: Dialect) -> Any:
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> uuid.UUID | None:
        return uuid.UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value


class Moment(TypeDecorator[datetime]):
    """A time in UTC, always aware; SQLite keeps it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id() -> uuid.UUID:
    """UUIDv7: grows with time, so that the newest rows lie together in an index."""
    return compat.uuid7()


class Database:
    """Safe to make before a fork: nothing connects until the first session."""

    def __init__(self, url: str, *, pool_size: int = 4, patience_s: float | None = None) -> None:
        """`patience_s`: PostgreSQL ends a statement that takes longer, and a transaction in which nothing comes for so
        long. For who serves; a backup, a migration and a recount take their time."""
        if url.startswith("sqlite"):
            self.engine = _sqlite_engine(url, pool_size)
            self.most_connections = pool_size + _SQLITE_OVERFLOW
        else:
            self.engine = _postgres_engine(url, pool_size, patience_s)
            self.most_connections = pool_size + OVERFLOW
        self._prepare()

    @classmethod
    def replica(cls, url: str, *, pool_size: int = 4) -> Self:
        """Only for reading, and never for long: somebody else can answer too."""
        self = cls.__new__(cls)
        self.engine = _replica_engine(url, pool_size)
        self.most_connections = pool_size + OVERFLOW
        self._prepare()
        return self

    def _prepare(self) -> None:
        self._reader = self.engine.execution_options(**_READ_OPTIONS[self.engine.dialect.name])
        # SQLite has one writer at a time. Waiting in line here is fair; its own waiting is polling with sleeps.
        self._turn = threading.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Autocommit: each statement sees the newest commit, and no transaction is opened or closed around it."""
        with Session(self._reader, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        with self._turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Connection, datetime]]:
        """One moment, however long it is looked at, and its time: what was committed before is seen, nothing later.

        Nobody is held up, but what is deleted meanwhile keeps its room until the end.
        """
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self._reader if self.engine.dialect.name == "sqlite" else self.engine.execution_options(**options)
        with engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                moment = datetime.now(UTC)
                connection.exec_driver_sql("BEGIN")
            else:
                moment = connection.execute(select(func.now())).scalar_one().astimezone(UTC)  # the transaction's begin
            yield connection, moment

    def dispose(self) -> None:
        self.engine.dispose()


def now(session: Session) -> datetime:
    """The database server's clock: hosts whose clocks differ agree on when a lease ends.

    In UTC: Python adds to a time by its zone's wall clock, and in the hour that autumn repeats leases would end early.
    SQLite has none of its own. There one process lives by its host's clock: set forward, it ends leases early (work is
    done twice, published once); set back, a lease that a dead process held ends that much later.
    """
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def is_passing(error: SQLAlchemyError) -> bool:
    """Whether the same statement may succeed a moment later: the server was away, or all connections were taken."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


_UNDEFINED_TABLE, _READ_ONLY = "42P01", "25006"
"""PostgreSQL's error codes, appendix A of its manual."""


def lacks_schema(error: Exception) -> bool:
    """Of PostgreSQL. On SQLite it is an OperationalError like any other, and `anb up` migrates before it serves."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _UNDEFINED_TABLE


def insert(session: Session, table: Any) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that can say ON CONFLICT, which SQLAlchemy has only by dialect."""
    target: Table = table.__table__
    return sqlite.insert(target) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(target)


PATIENCE_S = 15.0
"""Statements of a serving process take a hundredth of this; one behind a lock could otherwise wait for ever."""

OVERFLOW = 2
"""Connections beyond its size that a pool opens where more are wanted, and closes when they come back."""
_SQLITE_OVERFLOW = 40

_POOL_PATIENCE_S = 10.0

REPLICA_PATIENCE_S = 2.0
"""How long a replica is waited for, at each step."""

_READ_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"anb_read": True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}


# A server whose host vanished (a failover, a cut cable) sends no end of the connection. What the kernel asks by itself
# it asks after two hours, and whoever waits for an answer would wait as long.
_ASK_WHETHER_IT_LIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def _postgres_engine(url: str, pool_size: int, patience_s: float | None) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=OVERFLOW,
        pool_timeout=_POOL_PATIENCE_S,
        pool_pre_ping=True,
        hide_parameters=True,  # an error is logged with its statement; what was to be stored is nobody's business
        connect_args={"connect_timeout": 5, "application_name": "anb", **_ASK_WHETHER_IT_LIVES},
    )

    if patience_s is not None:
        patience_ms = int(patience_s * 1000)
        _tell(engine, statement_timeout=patience_ms, idle_in_transaction_session_timeout=patience_ms)

    @event.listens_for(engine, "handle_error")
    def _leave_a_demoted_server(context: ExceptionContext) -> None:
        # After a failover that left connections as they were: a new one finds the new primary, and is_passing().
        if getattr(context.original_exception, "sqlstate", "") == _READ_ONLY:
            context.is_disconnect = True

    return engine


def _replica_engine(url: str, pool_size: int) -> Engine:
    """A connection that has died is told at once: whoever meets it asks the primary."""
    patience_ms = int(REPLICA_PATIENCE_S * 1000)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=OVERFLOW,
        pool_timeout=REPLICA_PATIENCE_S,
        hide_parameters=True,
        connect_args={
            "connect_timeout": int(REPLICA_PATIENCE_S),
            "tcp_user_timeout": patience_ms,
            "application_name": "anb",
        },
    )
    _tell(engine, statement_timeout=patience_ms, default_transaction_read_only="on")
    return engine


def _tell(engine: Engine, **parameters: object) -> None:
    """Each new connection, and not in its `options`: some proxies refuse one that has any."""

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        for name, value in parameters.items():
            connection.execute(f"SET {name} = {value}")
        connection.commit()


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=_SQLITE_OVERFLOW, hide_parameters=True, connect_args={"timeout": 30}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A deferred transaction that reads first and writes later fails at once when another has written.
        if not connection.get_execution_options().get("anb_read"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine

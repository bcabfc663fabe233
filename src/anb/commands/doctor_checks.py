"""`anb doctor`: what is wrong with this machine, and what to do about it. Changes nothing."""

import asyncio
import os
import platform
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from anb import logs, migrations
from anb.commands.os_errors import advice as what_to_do
from anb.commands.os_errors import plainly
from anb.commands.system import is_there
from anb.db import Database, now
from anb.jobs.app import Bell, make_celery
from anb.limits.counting import require_shared
from anb.processing.failures import ProcessingFailed
from anb.processing.ffmpeg import Listener, cage_report, find_ffmpeg, missing_parts, run_ffmpeg
from anb.processing.limits import Limits
from anb.settings import Settings, SettingsError, load_settings, near_misses
from anb.storage import open_at
from anb.storage.local import LocalStorage

_RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No machine that runs this lives before it."""

_STORAGE_ADVICE = "Give this user write access, or mount the share; for S3 see docs/howto/use-s3.md."
_EMPTY_ADVICE = "Mount the share that it is the place of. For a contest that begins, `anb migrate` makes its folders."
_FALLBACK_ADVICE = "Media that have not moved are there: mount it, make it writable, or correct ANB_MEDIA_FALLBACK."
_REPLICA_ADVICE = "Start it, or correct ANB_DATABASE_READ_URL. Until then public pages come from the primary."
_RATE_LIMITS_ADVICE = "Start it, or correct ANB_RATE_LIMITS_URL. Until then each process counts for itself."
_STAGING_ADVICE = (
    "Resumable uploads grow there: web servers and the beat need one that all of them share and may write, with room "
    "(ANB_STAGING_DIR). A worker alone does not."
)


@dataclass(frozen=True)
class Finding:
    """`advice` is empty where there is nothing to do."""

    part: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""


def examine() -> list[Finding]:
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Finding("settings", "fail", str(error), "Correct the variable that is named and ask again.")]
    logs.configure(settings)
    if settings.celery_broker_url and not settings.database_url:
        alone = "CELERY_BROKER_URL is set and DATABASE_URL is not: web and worker refuse to start"
        return [Finding("settings", "fail", alone, "Set DATABASE_URL (mistyped?), or unset both for `anb up`.")]
    shape = "embedded: no DATABASE_URL and no CELERY_BROKER_URL, `anb up` runs it" if settings.embedded else "servers"
    found = Finding("settings", "ok", shape)
    if settings.database_url and not settings.celery_broker_url:
        alone = "CELERY_BROKER_URL is not set: `anb up` runs so, but gunicorn and `anb worker` refuse to start"
        found = Finding("settings", "warn", alone, "Set it, unless `anb up` is what you want.")
    told = (_mistyped(), _extras(settings), _machine(settings), _database(settings), _places(settings))
    return [found, *chain.from_iterable(told)]


def _mistyped() -> Iterator[Finding]:
    for name, meant in near_misses(os.environ).items():
        yield Finding("mistyped?", "warn", f"{name} is no setting", f"Did you mean {' or '.join(meant)}?")


def _extras(settings: Settings) -> Iterator[Finding]:
    """What these settings turn on is in no plain installation, and without it a worker does not start."""
    for variable, is_on, extra, package in (
        ("CELERY_BROKER_URL", settings.celery_broker_url.startswith("sqs:"), "sqs", "pycurl"),
        ("ANB_SENTRY_DSN", bool(settings.sentry_dsn), "sentry", "sentry_sdk"),
        ("ANB_TRACING", settings.tracing, "otel", "opentelemetry.instrumentation.fastapi"),
    ):
        if is_on and not _is_installed(package):
            advice = f"pip install '.[{extra}]', or unset {variable}."
            yield Finding("settings", "fail", f"{variable} needs the extra `{extra}`, which is not installed", advice)


def _is_installed(package: str) -> bool:
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", platform.python_version())
    yield _guarded("ffmpeg", lambda: _ffmpeg(settings), "Install ffmpeg, or the package imageio-ffmpeg.")
    try:
        walls = cage_report()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is the answer
        advice = "FFmpeg runs in it: no video can be processed. Look for a machine that is out of memory or processes."
        yield Finding("cage", "fail", f"cannot be asked: {type(error).__name__}", advice)
    else:
        yield from (judge_wall(wall, state) for wall, state in walls.items())


def _ffmpeg(settings: Settings) -> Finding:
    """Asked inside its cage, so that limits too narrow to start in are found here and not by a player."""
    binary = find_ffmpeg()
    heard: list[str] = []
    limits = Limits(memory_bytes=settings.ffmpeg_memory_bytes, wall_seconds=20)
    with tempfile.TemporaryDirectory(prefix="anb-doctor-") as folder:
        listener = Listener(on_output=heard.append)
        ending = run_ffmpeg([str(binary), "-version"], limits, listener, read=[], workdir=Path(folder))
    if ending.exit != 0 or not heard:
        advice = "Reinstall FFmpeg, or raise ANB_FFMPEG_MEMORY_BYTES."
        return Finding("ffmpeg", "fail", f"{binary} does not start: {ending.last_words}", advice)
    if missing := missing_parts(binary):
        advice = "Install a full FFmpeg, or the package imageio-ffmpeg."
        return Finding("ffmpeg", "fail", f"{binary} was made without {', '.join(missing)}", advice)
    return Finding("ffmpeg", "ok", f"{heard[0].partition(' Copyright')[0]}, {binary}")


def judge_wall(wall: str, state: str) -> Finding:
    if state == "ok":
        return Finding(f"cage: {wall}", "ok", "FFmpeg is kept away from it")
    advice = "Use a kernel (or a container) with seccomp and Landlock; the other limits hold all the same."
    return Finding(f"cage: {wall}", "warn", f"missing: {state}", advice)


def _database(settings: Settings) -> Iterator[Finding]:
    url = make_url(settings.database)
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and (missing := _no_file(Path(url.database or ""), shown)):
        yield missing
        yield judge_clock(datetime.now(UTC), None)
        return
    database = Database(settings.database, pool_size=1)
    yield _guarded("database", lambda: _schema(database, shown), partial(database_advice, url))
    yield _clock(database)
    database.dispose()
    if settings.database_read_url:
        yield _guarded("replica", lambda: _replica(settings.database_read_url), _REPLICA_ADVICE, "warn")


def _replica(url: str) -> Finding:
    replica = Database.replica(url, pool_size=1)
    try:
        revision = migrations.revision(replica)
    finally:
        replica.dispose()
    return Finding("replica", "ok", f"{make_url(url).render_as_string(hide_password=True)}, schema step {revision}")


def _no_file(file: Path, shown: str) -> Finding | None:
    """None where there is one to be asked."""
    try:
        if is_there(file):
            return None
    except PermissionError as error:
        return Finding("database", "fail", plainly(error), what_to_do(error) or "")
    return Finding("database", "warn", f"{shown} is not there yet", "`anb up` or `anb migrate` makes it.")


def _schema(database: Database, shown: str) -> Finding:
    revision = migrations.revision(database)
    if migrations.is_newer(revision):
        said = f"{shown} is at schema step {revision}, which a newer release made"
        return Finding("database", "warn", said, "This release serves on it; backups are that release's to make.")
    if revision != migrations.head():
        return Finding("database", "fail", f"{shown} is not at schema step {migrations.head()}", "Run `anb migrate`.")
    return Finding("database", "ok", f"{shown}, schema step {migrations.head()}")


def database_advice(url: URL, said: str) -> str:
    """What to do about what PostgreSQL said; as its packages are set up, the user postgres may make both."""
    role, name = shlex.quote(url.username or ""), shlex.quote(url.database or url.username or "")
    make_role = f"`sudo -u postgres createuser --pwprompt {role}`"
    if f'database "{url.database}" does not exist' in said:
        return f"Make the database: `sudo -u postgres createdb --owner {role} {name}`, then `anb migrate`."
    if f'role "{url.username}" does not exist' in said:
        return f"Make the role: {make_role} and give it the password of DATABASE_URL; then ask again."
    if "password authentication failed" in said or "no password supplied" in said:
        return f"Correct the password in DATABASE_URL; or, if the role is not there yet, make it: {make_role}."
    return "Start it, or correct DATABASE_URL."


def _clock(database: Database) -> Finding:
    there = None
    with suppress(DBAPIError), database.read() as session:  # one that cannot be reached was told of already
        there = now(session)
    return judge_clock(datetime.now(UTC), there)


def judge_clock(here: datetime, there: datetime | None) -> Finding:
    """Tokens expire by this clock, leases by the database's."""
    advice = "Turn on time synchronisation (NTP) on both machines."
    if here < _RELEASED:
        return Finding("clock", "fail", f"it says {here:%Y-%m-%d %H:%M} UTC, which is past", advice)
    apart = abs((here - there).total_seconds()) if there else 0.0
    if apart > 2:
        return Finding("clock", "fail" if apart > 60 else "warn", f"{apart:.0f} s from the database's", advice)
    return Finding("clock", "ok", f"{here:%Y-%m-%d %H:%M:%S} UTC")


def _places(settings: Settings) -> Iterator[Finding]:
    yield _guarded("broker", lambda: _broker(settings), "Start it, or correct CELERY_BROKER_URL. Uploads wait for it.")
    if settings.rate_limits_url:
        yield _guarded("rate limits", lambda: _rate_limits(settings.rate_limits_url), _RATE_LIMITS_ADVICE, "warn")
    yield _guarded("storage", lambda: _storage(settings), _STORAGE_ADVICE)
    if settings.media_fallback:
        yield _guarded("fallback", lambda: _fallback(settings), _FALLBACK_ADVICE)
    yield _guarded("staging", lambda: _staging(settings.staging, settings.disk_reserve_bytes), _STAGING_ADVICE)
    disk = settings.scratch if settings.media.startswith("s3://") else Path(settings.media)
    free = shutil.disk_usage(_nearest(disk)).free
    yield judge_disk(free, settings.disk_reserve_bytes)


def _broker(settings: Settings) -> Finding:
    if settings.broker.startswith("memory:"):
        return Finding("broker", "ok", "inside the process of `anb up`")
    celery = make_celery(settings)
    Bell(celery).check()
    return Finding("broker", "ok", celery.connection_for_write().as_uri())


def _rate_limits(url: str) -> Finding:
    asyncio.run(require_shared(url))
    return Finding("rate limits", "ok", f"{make_url(url).render_as_string(hide_password=True)} counts them")


def _fallback(settings: Settings) -> Finding:
    open_at(settings.media_fallback, settings).check()
    return Finding("fallback", "ok", f"{settings.media_fallback} can be written")


def _storage(settings: Settings) -> Finding:
    if settings.media.startswith("s3://"):
        open_at(settings.media, settings).check()
        return Finding("storage", "ok", f"{settings.media} can be written")
    media = Path(settings.media)
    storage = LocalStorage(media)
    if storage.is_made():
        storage.check()
        return Finding("storage", "ok", f"{media} can be written")
    with tempfile.TemporaryFile(dir=_nearest(media)):
        if media.exists() and not settings.embedded:
            return Finding("storage", "warn", f"{media} is empty", _EMPTY_ADVICE)
        return Finding("storage", "ok", f"{media} can be made")


def _staging(folder: Path, reserve: int) -> Finding:
    """A worker alone does not use it, so that one which is not there is no failure yet."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileNotFoundError:
        return _staging_to_be_made(folder)
    free = shutil.disk_usage(folder).free
    if free < reserve:
        return Finding("staging", "fail", f"{folder}: {free / 2**30:.1f} GiB free, below the reserve", _STAGING_ADVICE)
    return Finding("staging", "ok", f"{folder} can be written")


def _staging_to_be_made(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return Finding("staging", "ok", f"{folder} can be made")
    except OSError as error:
        return Finding("staging", "warn", f"{folder} is not there ({error.strerror})", _STAGING_ADVICE)


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if _is_seen(path))


def _is_seen(path: Path) -> bool:
    try:
        return is_there(path)
    except PermissionError:  # in a folder of another user: that folder is the nearest
        return False


def judge_disk(free: int, reserve: int) -> Finding:
    detail = f"{free / 2**30:.1f} GiB free, {reserve / 2**30:.2f} GiB kept in reserve"
    advice = "Make room, or grow the disk: below the reserve uploads are answered 507."
    if free < reserve:
        return Finding("disk", "fail", detail, advice)
    return Finding("disk", "warn", detail, advice) if free < 2 * reserve else Finding("disk", "ok", detail)


def _guarded(
    part: str,
    check: Callable[[], Finding],
    advice: str | Callable[[str], str],
    failing: Literal["warn", "fail"] = "fail",
) -> Finding:
    try:
        return check()
    except ProcessingFailed as failure:
        said = shown = failure.log_detail or failure.code.value
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part is the answer
        said = str(error)
        first_line = (said.splitlines() or [""])[0]
        shown = plainly(error) if isinstance(error, OSError) else f"{type(error).__name__}: {first_line}"
    return Finding(part, failing, shown, advice if isinstance(advice, str) else advice(said))

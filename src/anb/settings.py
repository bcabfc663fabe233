"""The only reader of the environment."""

import contextlib
import difflib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from anb.http.proxies import networks
from anb.jobs.brokers import broker, require_readable

MIB = 1024 * 1024

_S3_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()-]+)*/?")


def media_place(text: str) -> str:
    """A folder, made absolute, or a place in S3: so that two spellings of one place compare equal."""
    if text.startswith("s3://"):
        if not _S3_PLACE.fullmatch(text):
            raise ValueError("use s3://BUCKET or s3://BUCKET/PREFIX")
        return text.rstrip("/")
    if "://" in text or text.lower().startswith("s3:"):
        raise ValueError("use a folder or s3://BUCKET/PREFIX")
    return str(Path(text).resolve())


_SHORTEST_KEY = 16


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and the fix."""


class Settings(BaseSettings):
    """Every setting there is; `docs/settings.md` lists them, and a test holds the two together.

    Without any, the embedded shape: SQLite, an in-memory queue and a folder, all below `ANB_DATA_DIR`.
    """

    model_config = SettingsConfigDict(env_prefix="ANB_", env_ignore_empty=True, populate_by_name=True, frozen=True)

    database_url: str = Field("", validation_alias="DATABASE_URL", description="SQLAlchemy or `postgresql://` URL")
    database_read_url: str = Field(
        "", description="A read replica, for public pages: `postgresql://`; unset: `DATABASE_URL` answers all"
    )
    replica_lag_s: float = Field(5, gt=0, description="A replica that is further behind is not read")
    celery_broker_url: str = Field(
        "",
        validation_alias="CELERY_BROKER_URL",
        description="Broker: `redis://`, `rediss://`, `sentinel://`, `amqp://` or `sqs://`",
    )
    media_root: str = Field(
        "", validation_alias="MEDIA_ROOT", description="Originals and results: a folder, or `s3://bucket/prefix`"
    )
    secret_key: SecretStr = Field(
        SecretStr(""), validation_alias="SECRET_KEY", description="Signs tokens and links; 16 characters or more"
    )

    other_secret_keys: SecretStr = Field(
        SecretStr(""), description="Accepted beside `SECRET_KEY`, which alone signs; with commas between"
    )

    data_dir: Path = Field(Path("anb-data"), description="Embedded: database, media and secret key live here")
    scratch_dir: Path | None = Field(
        None, description="Where FFmpeg works; unset: `scratch` beside the media, with S3 in `ANB_DATA_DIR`"
    )
    media_fallback: str = Field("", description="While media move: the other place, where what is missing is read from")
    s3_endpoint_url: str = Field("", description="A server that speaks S3; unset: Amazon's")
    s3_encryption: str = Field("AES256", description="`AES256`, the id or ARN of a KMS key, or `none`")
    staging_dir: Path | None = Field(
        None,
        description="Where resumable uploads grow, shared by all hosts; "
        "unset: `incoming` beside the media, with S3 in `ANB_DATA_DIR`",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    log_format: Literal["json", "console"] = Field(
        "json", description="`json`: one JSON object a line; `console`: for human eyes"
    )

    max_upload_bytes: int = Field(100 * MIB, ge=1, description="Largest video file taken")
    disk_reserve_bytes: int = Field(256 * MIB, ge=0, description="Free disk below which uploads are answered 507")
    upload_kept_s: int = Field(
        86400,
        ge=1,
        description="Seconds that a resumable upload is kept after its last piece or, once complete, after its end",
    )
    max_unfinished_videos: int = Field(
        10, ge=1, description="Videos of one player that may be on their way, wait or be processed"
    )
    max_bytes_a_day: int = Field(
        2048 * MIB,
        ge=1,
        description="Bytes that one player may upload in 24 hours; not less than one video may have",
    )
    token_ttl_s: int = Field(3600, ge=60, description="How long a bearer token is valid")
    rate_limits_url: str = Field("", description="Redis that counts them; unset: the broker, where it is a Redis")
    rate_limits_times: float = Field(1, gt=0, description="Makes every rate limit so many times wider")
    trusted_proxies: str = Field("", description="Addresses of your proxies: `127.0.0.1, 10.0.0.0/8`")
    history_every_s: float = Field(
        60,
        gt=0,
        le=60,
        description="Interval of the samples that `anb advise` reads; less only to rehearse: it is its minute",
    )
    database_pool: int = Field(4, ge=1, description="Connections kept a process")

    accel_prefix: str = Field(
        "", pattern="^(/.*[^/])?$", description="nginx's internal place of `MEDIA_ROOT`: files go by X-Accel-Redirect"
    )

    worker_concurrency: int = Field(2, ge=1, description="Videos that one `anb worker` processes at once")
    worker_metrics_port: int = Field(0, ge=0, le=65535, description="Where `anb worker` tells its metrics; 0: nowhere")
    beat_metrics_port: int = Field(0, ge=0, le=65535, description="Where `anb beat` tells its metrics; 0: nowhere")
    worker_metrics_host: str = Field("127.0.0.1", description="Address that both tell at; 0.0.0.0: for other hosts")
    sentry_dsn: SecretStr = Field(SecretStr(""), description="Where errors are reported; needs the extra `sentry`")
    tracing: bool = Field(False, description="Traces, to where the `OTEL_*` variables say; needs the extra `otel`")
    ffmpeg_threads: int = Field(2, ge=1, description="Threads of one FFmpeg")
    ffmpeg_memory_bytes: int = Field(4096 * MIB, ge=512 * MIB, description="Address space of one FFmpeg")
    ffmpeg_wall_s: int = Field(
        900, ge=10, description="Seconds that one FFmpeg may take; above 900 also of processor time"
    )
    shortest_source_s: float | None = Field(None, gt=0, description="A contest's rule: shorter videos end failed")
    longest_source_s: float | None = Field(None, gt=0, description="A contest's rule: longer videos end failed")
    shortest_side_px: int | None = Field(
        None, ge=1, description="A contest's rule: videos whose shorter side, as shown, has fewer pixels end failed"
    )
    remove_audio: bool = Field(False, description="A contest's rule: results are silent")
    lease_s: int = Field(60, ge=5, description="Seconds of silence after which a worker has lost its video")
    max_attempts: int = Field(3, ge=1, description="Attempts at one video before it is failed")
    grace_s: int = Field(20, ge=0, description="On SIGTERM: time to finish before work is handed back")
    sweep_every_s: float = Field(10, gt=0, description="Interval of the sweeps of rows and of resumable uploads")
    sweep_bytes_every_s: float = Field(300, gt=0, description="Interval of the sweep of stored bytes")
    ring_again_after_s: float = Field(30, ge=0, description="Seconds after which a pending video is announced again")
    orphan_age_s: float = Field(3600, ge=0, description="Seconds after which uploaded bytes without a row are removed")

    @field_validator("database_url", "database_read_url")
    @classmethod
    def _psycopg(cls, url: str) -> str:
        """The seed's `postgresql://` (and Heroku's `postgres://`) mean the driver that we ship."""
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                url = "postgresql+psycopg://" + url.removeprefix(scheme)
        if url and not url.startswith(("postgresql+psycopg://", "sqlite:///")):
            raise ValueError("use postgresql://USER:PASSWORD@HOST:5432/NAME or sqlite:////absolute/path.db")
        if url.startswith("postgresql") and url.partition("?")[0].count("@") > 1:
            raise ValueError("a password in a URL is written with %40 for @, %3A for :, %2F for / and %25 for %")
        if url:
            _require_a_name(url)
        return url

    @model_validator(mode="before")
    @classmethod
    def _lines_end_as_unix_ends_them(cls, given: dict[str, object]) -> dict[str, object]:
        for name, value in given.items():
            if isinstance(value, str) and value.endswith("\r"):
                raise ValueError(
                    f"{_variable(name)} ends with a carriage return: save the file with Unix line ends (LF)"
                )
        return given

    @field_validator("media_root", "media_fallback")
    @classmethod
    def _place(cls, place: str) -> str:
        return place and media_place(place)

    @field_validator("s3_endpoint_url")
    @classmethod
    def _endpoint(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("use http://HOST:PORT or https://HOST")
        return url

    @field_validator("celery_broker_url")
    @classmethod
    def _broker(cls, url: str) -> str:
        if url:
            broker(url)
        return url

    @field_validator("rate_limits_url")
    @classmethod
    def _redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://")):
            raise ValueError("use redis://HOST:6379/0, or rediss:// with TLS")
        require_readable(url)
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        try:
            networks(text)
        except ValueError as error:
            raise ValueError(f"use addresses and networks such as 127.0.0.1, 10.0.0.0/8 ({error})") from None
        return text

    @model_validator(mode="after")
    def _a_replica_has_a_primary(self) -> Self:
        if self.database_read_url and not (
            self.database_url.startswith("postgresql") and self.database_read_url.startswith("postgresql")
        ):
            raise ValueError("ANB_DATABASE_READ_URL names a replica of PostgreSQL: DATABASE_URL must be its primary")
        return self

    @model_validator(mode="after")
    def _some_video_keeps_the_rules(self) -> Self:
        if self.shortest_source_s and self.longest_source_s and self.shortest_source_s > self.longest_source_s:
            raise ValueError("ANB_SHORTEST_SOURCE_S is more than ANB_LONGEST_SOURCE_S: no video could keep both")
        return self

    @model_validator(mode="after")
    def _secret_is_set_in_production(self) -> Self:
        secret = self.secret_key.get_secret_value()
        fix = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        if not secret and not self.embedded:
            raise ValueError(f"SECRET_KEY must be set when DATABASE_URL or CELERY_BROKER_URL is; {fix}")
        if secret and len(secret) < _SHORTEST_KEY:
            raise ValueError(f"SECRET_KEY is shorter than {_SHORTEST_KEY} characters; {fix}")
        if any(len(key) < _SHORTEST_KEY for key in self.accepted_keys()):
            raise ValueError(f"ANB_OTHER_SECRET_KEYS has one that is shorter than {_SHORTEST_KEY} characters")
        return self

    @property
    def embedded(self) -> bool:
        return not self.database_url and not self.celery_broker_url

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'anb.db'}"

    @property
    def broker(self) -> str:
        return self.celery_broker_url or "memory://localhost/"

    @property
    def rate_limits(self) -> str:
        """The Redis that is shared, or nothing: then each process counts for itself."""
        shared = self.rate_limits_url or self.celery_broker_url
        return shared if shared.startswith(("redis://", "rediss://")) else ""

    @property
    def media(self) -> str:
        """A folder or `s3://bucket/prefix`."""
        return self.media_root or str((self.data_dir / "media").resolve())

    @property
    def scratch(self) -> Path:
        return (self.scratch_dir or self._own_folder / "scratch").resolve()

    @property
    def staging(self) -> Path:
        return (self.staging_dir or self._own_folder / "incoming").resolve()

    @property
    def stages_beside_media(self) -> bool:
        """Then its folder is made with theirs; see `installation`."""
        return self.staging.parent == Path(self.media)

    @property
    def _own_folder(self) -> Path:
        """Files that are no media yet lie beside them, but for S3."""
        return self.data_dir if self.media.startswith("s3://") else Path(self.media)

    def require_servers(self) -> None:
        """Several processes share no in-memory queue: what one of them rings, nobody would ever hear. Nor a database
        that nobody named, mistyped as it may be: on each host there would be another SQLite.
        """
        if self.celery_broker_url and not self.database_url:
            raise SettingsError("DATABASE_URL must be set where API and worker are apart; without it use `anb up`")
        if self.broker.startswith("memory:"):
            raise SettingsError("CELERY_BROKER_URL must be set where API and worker are apart; without it use `anb up`")

    def signing_key(self) -> str:
        """`SECRET_KEY`, or in the embedded shape one that is made once and kept in the data folder."""
        return self.secret_key.get_secret_value() or _kept_secret(self.data_dir / "secret_key")

    def accepted_keys(self) -> tuple[str, ...]:
        """What else is accepted: yesterday's key until its tokens have expired, tomorrow's until all hosts know it."""
        listed = self.other_secret_keys.get_secret_value().split(",")
        return tuple(key.strip() for key in listed if key.strip())


def _require_a_name(url: str) -> None:
    """Where the database has none, PostgreSQL's library takes the user's: tables would be made wherever that is."""
    try:
        name = make_url(url).database
    except (ValueError, ArgumentError) as error:
        raise ValueError(f"it cannot be read ({error}); use postgresql://USER:PASSWORD@HOST:5432/NAME") from None
    if not name:
        raise ValueError("it names no database; use postgresql://USER:PASSWORD@HOST:5432/NAME")


def _kept_secret(path: Path) -> str:
    """Written whole under another name, then linked: a process that finds the file finds all of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(descriptor)  # a power cut must not leave an empty key under the final name
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    key = path.read_text().strip()
    if len(key) < _SHORTEST_KEY:
        raise SettingsError(f"{path} is damaged: restore it, or remove it (everybody must log in again)")
    return key


def load_settings(**overrides: object) -> Settings:
    """Read the environment; `overrides` (a command's flags, a test's wishes) win over it."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # validated right here
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(dict(problem)) for problem in error.errors())) from None


def names_of_places() -> frozenset[str]:
    """The variables that name a place, a server or a key. What else there is are numbers, choices and switches."""
    kinds = (str, SecretStr, Path, Path | None)
    return frozenset(
        str(field.validation_alias or _variable(name))
        for name, field in Settings.model_fields.items()
        if field.annotation in kinds
    )


def near_misses(environment: Iterable[str]) -> dict[str, list[str]]:
    """Variables that look like a setting and are none, with what may have been meant."""
    known = sorted(str(field.validation_alias or _variable(name)) for name, field in Settings.model_fields.items())
    others = [name for name in environment if name not in known and not name.startswith("ANB_TEST_")]
    found = {name: difflib.get_close_matches(name, known, n=2, cutoff=0.8) for name in others}
    return {name: meant for name, meant in found.items() if meant}


def _variable(name: str) -> str:
    return name if name.isupper() else f"ANB_{name.upper()}"


def _explain(problem: dict[str, object]) -> str:
    location = problem["loc"]
    text = str(problem["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return text
    name = str(location[0])
    variable = _variable(name)
    if problem["type"] == "int_parsing":
        text = f"a whole number is wanted, not {problem['input']!r}"
        text += "; 100 MiB are 104857600" if name.endswith("_bytes") else ""
    if problem["type"] == "bool_parsing":
        text = f"true or false is wanted, not {problem['input']!r}"
    if problem["type"] == "float_parsing":
        text = f"a number is wanted, not {problem['input']!r}"
    field = Settings.model_fields.get(name)
    meaning = f" ({field.description})" if field else ""
    return f"{variable}{meaning}: {text}"

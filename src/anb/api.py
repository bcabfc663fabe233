"""Composition root of the HTTP side: `gunicorn 'anb.api:create_app()'`, or inside `anb up`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from anb import __version__, logs, metrics
from anb.db import PATIENCE_S, Database
from anb.http import docs_page
from anb.http.lingering import HeardRefusals
from anb.http.problems import Problem, install_errors
from anb.http.proxies import BehindProxies, networks
from anb.http.public_pages import PublicPages
from anb.http.request_context import RequestContext
from anb.http.small_bodies import SmallBodies
from anb.jobs.app import Bell, make_celery
from anb.limits.counting import RateLimits
from anb.operations import health
from anb.operations.backlog import KeptBacklog
from anb.operations.recorder import Recorder
from anb.operations.sentry import report_errors
from anb.operations.tracing import trace
from anb.players import routes as players
from anb.players.hashing import PasswordHashing
from anb.players.tokens import Signer
from anb.rankings import routes as rankings
from anb.replica import PublicReads
from anb.settings import Settings, load_settings
from anb.storage import open_storage
from anb.uploads import routes as uploads
from anb.uploads.door import PREFIX as UPLOADS
from anb.uploads.door import TusDoor
from anb.uploads.service import open_uploads
from anb.videos import media, public_routes
from anb.videos import routes as videos
from anb.voting import routes as voting
from anb.voting import service as votes
from anb.voting.ballot import Ballot
from anb.voting.ballot_box import BallotBox
from anb.voting.service import Result

_LARGEST_JSON = 64 * 1024
_BELL_THREADS = 4


def create_app(settings: Settings | None = None) -> FastAPI:
    """Connects to nothing yet, so gunicorn may preload it and fork."""
    settings = settings or load_settings()
    logs.configure(settings)
    report_errors(settings)
    app = FastAPI(
        title="ANB Rising Stars Showcase",
        version=__version__,
        description="Players upload a video, the public votes, a ranking shows who leads.",
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,  # its pages load scripts from a CDN: docs_page has ours
        redoc_url=None,
        license_info={"name": "MIT"},
    )
    app.state.settings = settings
    app.state.database = Database(settings.database, pool_size=settings.database_pool, patience_s=PATIENCE_S)
    app.state.storage = open_storage(settings)
    app.state.celery = make_celery(settings)
    app.state.bell = Bell(app.state.celery)
    app.state.uploads = open_uploads(settings, app.state.database, app.state.storage)
    app.state.signer = Signer(settings.signing_key(), settings.token_ttl_s, settings.accepted_keys())
    app.state.public_reads = _public_reads(settings, app.state.database)
    app.state.public_pages = PublicPages(app.state.public_reads)
    app.state.worker_is_alive = lambda: True  # a separate process: `anb up` puts its own answer here
    for feature in (players, videos, uploads, public_routes, voting, rankings, media, health, docs_page):
        app.include_router(feature.router)
    install_errors(app)
    app.add_middleware(SmallBodies, max_bytes=_LARGEST_JSON, except_below=(videos.UPLOAD, UPLOADS))
    app.add_middleware(HeardRefusals, path=videos.UPLOAD)
    app.add_middleware(TusDoor)
    app.add_middleware(RequestContext)
    app.add_middleware(BehindProxies, trusted=networks(settings.trusted_proxies))
    trace(settings, app)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Threads start here, after any fork."""
    state = app.state
    metrics.watch_pool(state.database.engine, state.database.most_connections)
    state.backlog = KeptBacklog(state.database)
    recorder = Recorder(state.database, state.backlog, state.settings.history_every_s)
    state.hashing = PasswordHashing()
    state.bell_threads = CapacityLimiter(_BELL_THREADS)
    rate_limits = state.rate_limits = RateLimits(state.settings.rate_limits, state.settings.rate_limits_times)

    def count(ballots: Sequence[Ballot]) -> list[Result]:
        results = votes.count(state.database, ballots)
        state.public_pages.forget()
        return results

    state.public_reads.open()
    state.ballot_box = BallotBox(count)
    state.ballot_box.open()
    recorder.start()
    yield
    recorder.close()
    state.ballot_box.close()
    state.public_reads.close()
    await rate_limits.close()
    state.hashing.close()
    state.backlog.close()
    state.database.dispose()


def _public_reads(settings: Settings, primary: Database) -> PublicReads:
    url = settings.database_read_url
    replica = Database.replica(url, pool_size=settings.database_pool) if url else None
    return PublicReads(primary, replica, settings.replica_lag_s)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with our problem as the body of every error."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes,
            license_info=app.license_info,
        )  # fmt: skip
        schemas = document["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schemas["Problem"].pop("$defs"))
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        _drop_framework_errors(document)
        app.openapi_schema = document
    return app.openapi_schema


def _drop_framework_errors(document: dict[str, Any]) -> None:
    """FastAPI adds its own 422 to every route with a parameter; ours state theirs, and a malformed id is 404."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                del operation["responses"]["422"]

"""`/docs`: Swagger UI from our own disk, so that a contest on a laptop without internet has it too."""

import gzip
from functools import cache
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from anb.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_HERE = Path(__file__).parent
_SWAGGER = Path(str(files("fastapi_offline"))) / "static"
_FILES = {
    "swagger-ui.css": _SWAGGER / "swagger-ui.css",
    "swagger-ui-bundle.js": _SWAGGER / "swagger-ui-bundle.js",
    "page.css": _HERE / "page.css",
    "start.js": _HERE / "start.js",
}
_PAGE = (_HERE / "page.html").read_text()
# Swagger UI styles its elements one by one, and its icons are data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.head("/")
@router.get("/")
async def front() -> RedirectResponse:
    """The address that `anb up` prints, typed into a browser."""
    return RedirectResponse("/docs")


@router.head("/docs")
@router.get("/docs")
async def page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.head("/docs/{name}")
@router.get("/docs/{name}")
async def file(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """Packed where the browser takes it: Swagger UI is a megabyte and a half."""
    if name not in _FILES:
        raise NotFoundError("not_found")
    headers = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if "gzip" not in accept_encoding:
        return FileResponse(_FILES[name], headers=headers)
    packed = await run_in_threadpool(_packed, name)
    return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=guess_type(name)[0])


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_FILES[name].read_bytes(), mtime=0)

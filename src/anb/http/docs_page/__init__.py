"""`/docs`: Swagger UI from our own disk, so that a contest on a laptop without internet has it too."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from anb.errors import NotFoundError

router = APIRouter(prefix="/docs", include_in_schema=False)

_HERE = Path(__file__).parent
_SWAGGER = Path(str(files("fastapi_offline"))) / "static"
_FILES = {
    "swagger-ui.css": _SWAGGER / "swagger-ui.css",
    "swagger-ui-bundle.js": _SWAGGER / "swagger-ui-bundle.js",
    "start.js": _HERE / "start.js",
}
_PAGE = (_HERE / "page.html").read_text()
# Swagger UI styles its elements one by one, and its icons are data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("")
async def page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/{name}")
async def file(name: str) -> Response:
    if name not in _FILES:
        raise NotFoundError("not_found")
    return FileResponse(_FILES[name], headers={"Cache-Control": "public, max-age=3600"})

"""Style sheets and other files of ours, which browsers keep for ever: their address changes with their content."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.web.frame import STATIC

_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}
_FILES = {one.name: one.read_bytes() for one in STATIC.iterdir() if one.is_file()}
_YEAR_S = 31_536_000


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    content = _FILES.get(name)
    if content is None:
        return Response("There is no such file.", 404)
    kept = {"Cache-Control": f"public, max-age={_YEAR_S}, immutable"}
    return Response(content, headers=kept, media_type=_TYPES[f".{name.rpartition('.')[2]}"])


FILES = Route("/static/{name}", _static, methods=["GET"])

"""The application that the web role serves: what other parts offer, under one roof."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Response


def application(routers: Sequence[APIRouter]) -> FastAPI:
    """All routers, and `/health`, which says only that the process answers."""
    app = FastAPI(title="Baohao", docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=204)

    return app

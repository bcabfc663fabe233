"""The product's application with one route more: a handler that checks the token and does nothing."""

import uuid

from fastapi import FastAPI

from anb import api
from anb.players.auth import CurrentPlayer

PATH = "/bench/empty"


def create_app() -> FastAPI:
    app = api.create_app()

    @app.post(PATH, status_code=201)
    async def empty(player_id: CurrentPlayer) -> dict[str, uuid.UUID]:
        return {"player_id": player_id}

    return app

"""Who is asking. Async on purpose: a plain `def` dependency costs each request a thread hop."""

import uuid
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from anb.errors import UnauthenticatedError
from anb.players.tokens import Signer

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="From POST /api/auth/login")


async def current_player(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> uuid.UUID:
    if credentials is None:
        raise UnauthenticatedError("not_authenticated")
    signer: Signer = request.app.state.signer
    player_id = signer.player_of(credentials.credentials)
    request.state.player_id = player_id
    return player_id


CurrentPlayer = Annotated[uuid.UUID, Depends(current_player)]

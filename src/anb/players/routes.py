from fastapi import APIRouter, Request

from anb.http.client import client_address
from anb.http.problems import problems
from anb.limits.rules import Action
from anb.players import service
from anb.players.emails import account_named
from anb.players.schemas import LogIn, PlayerOut, SignUp, Token

router = APIRouter(prefix="/api/auth", tags=["players"])


@router.post("/signup", status_code=201, responses=problems(400, 409, 413, 422, 429))
async def sign_up(request: Request, wish: SignUp) -> PlayerOut:
    """Open a player's account."""
    await request.app.state.rate_limits.require(Action.SIGN_UP, address=client_address(request))
    return await service.sign_up(request.app.state.database, request.app.state.hashing, wish)


@router.post("/login", responses=problems(400, 401, 413, 422, 429))
async def log_in(request: Request, wish: LogIn) -> Token:
    """Get a bearer token for an hour."""
    rate_limits = request.app.state.rate_limits
    who = {"account": account_named(wish.email), "address": client_address(request)}
    await rate_limits.require(Action.LOG_IN, **who)
    player_id = await service.log_in(request.app.state.database, request.app.state.hashing, wish)
    await rate_limits.forget(Action.LOG_IN, **who)
    signer = request.app.state.signer
    return Token(access_token=signer.player_token(player_id), expires_in=signer.ttl_s)

import uuid
from contextlib import suppress

from anyio import to_thread

from anb import db, metrics
from anb.db import Database
from anb.errors import ConflictError, TooManyError, UnauthenticatedError
from anb.players import repository
from anb.players.emails import normal_email
from anb.players.hashing import PasswordHashing
from anb.players.models import Player
from anb.players.schemas import LogIn, PlayerOut, SignUp
from anb.text import place_key


async def sign_up(database: Database, hashing: PasswordHashing, wish: SignUp) -> PlayerOut:
    """Hashing comes before the transaction: no connection is held while argon2 works."""
    password_hash = await hashing.hash(wish.password1)
    return await to_thread.run_sync(_add, database, wish, password_hash)


def _add(database: Database, wish: SignUp, password_hash: str) -> PlayerOut:
    player = PlayerOut(id=db.new_id(), **wish.model_dump(exclude={"password1", "password2"}))
    with database.write() as session:
        row = player.model_dump() | {
            "password_hash": password_hash,
            "city_key": place_key(player.city),
            "country_key": place_key(player.country),
            "created_at": db.now(session),
            "votes": 0,
        }
        if not repository.add(session, row):
            raise ConflictError("email_taken")
    metrics.SIGNED_UP.inc()
    return player


async def log_in(database: Database, hashing: PasswordHashing, wish: LogIn) -> uuid.UUID:
    """Same answer and same work whether or not the e-mail has an account."""
    player = await to_thread.run_sync(_find, database, wish.email)
    if not await hashing.verify(wish.password, player.password_hash if player else None) or player is None:
        raise UnauthenticatedError("bad_credentials")
    if hashing.is_outdated(player.password_hash):
        with suppress(TooManyError):  # a full line: the next log-in does it
            await to_thread.run_sync(_rehash, database, player.id, await hashing.hash(wish.password))
    return player.id


def _find(database: Database, email: str) -> Player | None:
    try:
        email = normal_email(email)
    except ValueError:
        return None
    with database.read() as session:
        return repository.by_email(session, email)


def _rehash(database: Database, player_id: uuid.UUID, password_hash: str) -> None:
    with database.write() as session:
        repository.set_password_hash(session, player_id, password_hash)

"""Signed statements: who the bearer is, or that a link may be followed for a while. No database is asked."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import jwt
from jwt.types import Options

from anb.errors import UnauthenticatedError

_ALGORITHM = "HS256"  # the only one that is accepted; `none` and public-key confusion end here
_PLAYER = "player"
_MEDIA = "media"


class Signer:
    """`secret` signs. `others` are accepted as well, so that keys change without anybody being logged out."""

    def __init__(self, secret: str, ttl_s: int, others: Sequence[str] = ()) -> None:
        self.ttl_s = ttl_s
        self._key = _key(secret)
        self._key_id = _key_id(self._key)
        self._accepted = {_key_id(key): key for key in (self._key, *map(_key, others))}

    def player_token(self, player_id: uuid.UUID) -> str:
        return self._sign(str(player_id), _PLAYER)

    def player_of(self, token: str) -> uuid.UUID:
        """Raises UnauthenticatedError, the same for whatever is wrong with it."""
        try:
            return uuid.UUID(self._verified(token, _PLAYER))
        except (jwt.PyJWTError, ValueError):
            raise UnauthenticatedError("not_authenticated") from None

    def link_token(self, key: str) -> str:
        """Lets whoever has the link read one stored object until it expires."""
        return self._sign(key, _MEDIA)

    def allows(self, token: str, key: str) -> bool:
        try:
            return self._verified(token, _MEDIA) == key
        except (jwt.PyJWTError, ValueError):
            return False

    def _sign(self, subject: str, audience: str) -> str:
        now = datetime.now(UTC)
        claims = {"sub": subject, "aud": audience, "iat": now, "exp": now + timedelta(seconds=self.ttl_s)}
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._key_id})

    def _verified(self, token: str, audience: str) -> str:
        key = self._accepted.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise jwt.InvalidKeyError("signed by a key that is not ours")
        # When it ends decides. When it began is another host's clock, which may be ahead of ours, or ours was set back.
        options: Options = {"require": ["sub", "aud", "iat", "exp"], "verify_iat": False}
        claims = jwt.decode(token, key, [_ALGORITHM], audience=audience, options=options)
        return str(claims["sub"])


def _key(secret: str) -> bytes:
    """32 bytes whatever the length of the secret (RFC 7518, 3.2)."""
    return hashlib.sha256(secret.encode()).digest()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"kid:" + key).hexdigest()[:8]

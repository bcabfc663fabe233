"""Signed statements: who the bearer is, or that a link may be followed for a while. No database is asked."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from anb.errors import UnauthenticatedError

_ALGORITHM = "HS256"  # the only one that is accepted; `none` and public-key confusion end here
_PLAYER = "player"
_MEDIA = "media"


@dataclass(frozen=True)
class Signer:
    secret: str
    ttl_s: int

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
        if jwt.get_unverified_header(token).get("kid") != self._key_id:
            raise jwt.InvalidKeyError("signed by another key")
        claims = jwt.decode(
            token, self._key, [_ALGORITHM], audience=audience, options={"require": ["sub", "aud", "iat", "exp"]}
        )
        return str(claims["sub"])

    @property
    def _key(self) -> bytes:
        """32 bytes whatever the length of the secret (RFC 7518, 3.2)."""
        return hashlib.sha256(self.secret.encode()).digest()

    @property
    def _key_id(self) -> str:
        return hashlib.sha256(b"kid:" + self._key).hexdigest()[:8]

"""Password rules of NIST SP 800-63B, 5.1.1.2: length, no common ones, no composition rules. Pure."""

from functools import cache
from itertools import pairwise

from zxcvbn.frequency_lists import FREQUENCY_LISTS

MIN_LENGTH = 8
MAX_LENGTH = 256

# What the English list lacks: our name, our game, and what Spanish speakers type.
_LOCAL = frozenset(
    {
        "anbrisingstars", "risingstars", "anb12345", "baloncesto", "baloncesto1", "basketball1", "contraseña",
        "contrasena", "contraseña1", "contrasena1", "contraseña123", "contrasena123", "colombia", "colombia1",
        "colombia123", "bogota123", "qwertyuiop", "12345678a", "a12345678", "teamo123", "teamomucho", "password123",
        "password1234", "passw0rd123", "qwerty123", "qwerty1234", "1q2w3e4r5t",
    }
)  # fmt: skip


def weakness(password: str, *personal: str) -> str | None:
    """The code of what is wrong with it, or None. `personal` words (name, e-mail) may not be the whole password."""
    if len(password) < MIN_LENGTH:
        return "password_too_short"
    if len(password) > MAX_LENGTH:
        return "password_too_long"
    folded = password.casefold()
    if folded in _common() or len(set(folded)) == 1 or _is_run(folded):
        return "password_common"
    if folded in {word.casefold() for word in personal} | {word.casefold().partition("@")[0] for word in personal}:
        return "password_common"
    return None


def _is_run(text: str) -> bool:
    """`abcdefgh`, `87654321`: each character follows the one before."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps in ({1}, {-1})


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"]) | _LOCAL

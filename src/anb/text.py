"""Text as people type it: trimmed, checked, compared. Pure."""

import unicodedata

# Controls, surrogates, and the marks that turn the direction of the text around them (Unicode TR 36).
_REFUSED_CATEGORIES = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}  # letters and a symbol drawn as nothing
_REFUSED = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff"}


def has_bad_characters(text: str, *, allow: str = "") -> bool:
    return any(
        (unicodedata.category(char) in _REFUSED_CATEGORIES or char in _REFUSED) and char not in allow for char in text
    )


def is_visible(text: str) -> bool:
    """Whether anything would be seen: not only spaces, joiners and marks without a letter."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def tidy(text: str) -> str:
    """Composed (NFC) and trimmed; what was written inside stays as written."""
    return unicodedata.normalize("NFC", text).strip()


def place_key(text: str) -> str:
    """Without case, accents and doubled spaces, so that Bogotá, bogota and BOGOTÁ are one place."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFC", bare).split())

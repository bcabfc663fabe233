"""Text as people type it: trimmed, checked, compared. Pure."""

import unicodedata

# Controls, surrogates, and the marks that turn the direction of the text around them (Unicode TR 36).
_REFUSED_CATEGORIES = {"Cc", "Cs", "Co", "Zl", "Zp"}
_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}  # letters and a symbol drawn as nothing
_REFUSED = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff"}


def has_bad_characters(text: str, *, allow: str = "") -> bool:
    return any(_is_bad(char) and char not in allow for char in text)


def is_visible(text: str) -> bool:
    """Whether anything would be seen: not only spaces, joiners and marks without a letter."""
    return any((unicodedata.category(char)[0] in "LNPS" or _may_be_new(char)) and char not in _BLANK for char in text)


def _is_bad(char: str) -> bool:
    category = unicodedata.category(char)
    return category in _REFUSED_CATEGORIES or char in _REFUSED or (category == "Cn" and not _may_be_new(char))


def _may_be_new(char: str) -> bool:
    """Unassigned in this Python's Unicode, but perhaps no longer: phones have new emoji years before servers do.

    Not the noncharacters, nor what is drawn as nothing until it is assigned (UAX 44, Default_Ignorable_Code_Point).
    """
    point = ord(char)
    is_never = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    is_ignored = point == 0x2065 or 0xFFF0 <= point <= 0xFFF8 or 0xE0000 <= point <= 0xE0FFF
    return unicodedata.category(char) == "Cn" and not is_never and not is_ignored


def tidy(text: str) -> str:
    """Composed (NFC) and trimmed; what was written inside stays as written."""
    return unicodedata.normalize("NFC", text).strip()


def place_key(text: str) -> str:
    """Without case, accents and doubled spaces, so that Bogotá, bogota and BOGOTÁ are one place."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFC", bare).split())

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anb.players.emails import normal_email
from anb.players.passwords import weakness
from anb.text import has_bad_characters, is_visible, place_key, tidy


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Bogotá", "bogota"),
        ("BOGOTÁ", "Bogota\u0301"),
        (" San  José ", "san jose"),
        ("Ñuñoa", "nunoa"),
        ("Straße", "STRASSE"),
    ],
)
def test_one_place_has_one_key(left: str, right: str) -> None:
    assert place_key(left) == place_key(right)


@pytest.mark.parametrize(
    ("line", "seen"),
    [("Ana", True), ("王", True), ("7", True), ("👍", True), ("", False), ("\u200b\u200d", False), ("\u3164", False),
     ("\u2800", False), ("\u0301", False), (" \u00a0", False), ("\u200bA", True),
     ("\U0001fae8", True), ("\U0001faff", True), ("\uffff", False), ("\u2065", False), ("\U000e0fff", False)],
)  # fmt: skip
def test_a_name_is_something_that_can_be_seen(line: str, seen: bool) -> None:
    assert is_visible(line) == seen


@pytest.mark.parametrize(("left", "right"), [("Cali", "Calí i"), ("Lima", "Limache"), ("", "Lima")])
def test_two_places_have_two_keys(left: str, right: str) -> None:
    assert place_key(left) != place_key(right)


@given(st.text(max_size=100))
def test_a_place_key_is_stable_and_fits_its_column(place: str) -> None:
    assert place_key(place_key(place)) == place_key(place)
    assert len(place_key(place)) <= 300


@pytest.mark.parametrize(
    ("text", "allow", "bad"),
    [
        ("Ana María 篮球 🏀", "", False), ("a\nb", "", True), ("a\nb", "\n", False), ("\x00", "\n", True),
        ("\U0001fa77 \U0001faff", "", False),  # of Unicode 15, and of one to come
        ("\ufdd0", "", True), ("\U0001fffe", "", True), ("\U000e0fff", "", True), ("\ud800", "", True),
        ("\u202e", "", True), ("\u2028", "", True), ("\x7f", "", True), ("\ufeffx", "", True), ("", "", False),
    ],
)  # fmt: skip
def test_bad_characters(text: str, allow: str, *, bad: bool) -> None:
    assert has_bad_characters(text, allow=allow) is bad


def test_text_is_composed_and_trimmed() -> None:
    assert tidy("  Bogota\u0301\t") == "Bogotá"


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("1234567", "password_too_short"), ("12345678", "password_common"), ("Password", "password_common"),
        ("baloncesto", "password_common"), ("aaaaaaaaaaaa", "password_common"), ("abcdefghij", "password_common"),
        ("98765432", "password_common"), ("ana.gomez", "password_common"), ("x" * 257, "password_too_long"),
        ("tres triples seguidos", None), ("todo minusculas", None), ("篮球篮筐三分远投", None), ("q8#Lm2!x", None),
        ("ab" * 128, None),
    ],
)  # fmt: skip
def test_password_rules(password: str, expected: str | None) -> None:
    assert weakness(password, "ana.gomez@example.com", "Ana") == expected


@pytest.mark.parametrize(
    ("typed", "kept"), [(" Ana@Example.COM", "ana@example.com"), ("ana+anb@liga.test", "ana+anb@liga.test")]
)
def test_an_address_has_one_spelling(typed: str, kept: str) -> None:
    assert normal_email(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "ana", "ana@", "@example.com", "ana@localhost", "a b@example.com", "ana@exa mple.com"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        normal_email(typed)

import itertools

import pytest

from anb.errors import FieldError, InvalidError
from anb.videos import upload_policy
from anb.videos.lifecycle import IllegalMoveError, Status, check_move

ALLOWED = {
    ("pending", "processing"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "pending"),
    ("failed", "pending"),
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
def test_every_pair_of_states(old: Status, new: Status) -> None:
    if (old, new) in ALLOWED:
        check_move(old, new)
    else:
        with pytest.raises(IllegalMoveError):
            check_move(old, new)


@pytest.mark.parametrize(
    ("length", "too_large"),
    [(None, False), (0, False), (1000, False), (1000 + 65536, False), (1001 + 65536, True)],
)
def test_a_declared_length_leaves_room_for_the_form(length: int | None, *, too_large: bool) -> None:
    assert upload_policy.declared_too_large(length, 1000) is too_large


@pytest.mark.parametrize(
    ("free", "declared", "room"), [(100, None, True), (99, None, False), (150, 50, True), (150, 51, False)]
)
def test_the_reserve_stays_free(free: int, declared: int | None, *, room: bool) -> None:
    assert upload_policy.has_room(free, 100, declared) is room


@pytest.mark.parametrize(
    ("title", "error"),
    [
        ("t", None),
        ("x" * 200, None),
        ("", FieldError("title", "empty")),
        ("x" * 201, FieldError("title", "too_long", (("max_length", 200),))),
        ("a\nb", FieldError("title", "bad_characters")),
        ("篮球", None),
    ],
)
def test_titles(title: str, error: FieldError | None) -> None:
    assert upload_policy.title_error(title) == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", None),
        ("a\nb\r\tc", None),
        ("x" * 5000, None),
        ("x" * 5001, FieldError("description", "too_long", (("max_length", 5000),))),
        ("\x00", FieldError("description", "bad_characters")),
    ],
)
def test_descriptions(text: str, error: FieldError | None) -> None:
    assert upload_policy.description_error(text) == error


def test_a_field_is_tidied_whichever_way_it_came() -> None:
    assert upload_policy.checked_text("title", " Canastas de Bogota\u0301 ".encode()) == "Canastas de Bogotá"
    assert upload_policy.checked_text("description", b"a\nb") == "a\nb"


@pytest.mark.parametrize(
    ("field", "sent", "error"),
    [
        ("title", b"\xff", FieldError("title", "bad_characters")),
        ("title", b"a\nb", FieldError("title", "bad_characters")),
        ("title", b" ", FieldError("title", "empty")),
        ("description", b"\xff", FieldError("description", "bad_characters")),
        ("description", b"\x00", FieldError("description", "bad_characters")),
    ],
)
def test_a_field_that_is_wrong_is_named(field: str, sent: bytes, error: FieldError) -> None:
    with pytest.raises(InvalidError) as refused:
        upload_policy.checked_text(field, sent)
    assert (refused.value.code, refused.value.errors) == ("invalid_fields", (error,))


@pytest.mark.parametrize(
    ("key", "readable"),
    [(None, True), ("k", True), ("x" * 255, True), ("", False), ("x" * 256, False), ("ñ", False), ("a\tb", False)],
)
def test_idempotency_keys(key: str | None, *, readable: bool) -> None:
    expected = None if readable else FieldError("Idempotency-Key", "unreadable")
    assert upload_policy.idempotency_key_error(key) == expected

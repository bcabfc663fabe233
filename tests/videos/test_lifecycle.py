import itertools

import pytest

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
    ("title", "code"),
    [
        ("t", None),
        ("x" * 200, None),
        ("", "empty"),
        ("x" * 201, "too_long"),
        ("a\nb", "bad_characters"),
        ("篮球", None),
    ],
)
def test_titles(title: str, code: str | None) -> None:
    error = upload_policy.title_error(title)
    assert (error and error.code) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("", None), ("a\nb\tc", None), ("x" * 5000, None), ("x" * 5001, "too_long"), ("\x00", "bad_characters")],
)
def test_descriptions(text: str, code: str | None) -> None:
    error = upload_policy.description_error(text)
    assert (error and error.code) == code

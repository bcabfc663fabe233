from hypothesis import given
from hypothesis import strategies as st

from anb.processing.lines import LINE_MAX, TAIL_MAX, Lines


def test_a_line_may_come_in_pieces() -> None:
    lines = Lines()
    assert lines.feed(b"fra") == []
    assert lines.feed(b"me=1\nframe") == ["frame=1"]
    assert lines.feed(b"=2\r") == ["frame=2"]


def test_the_last_line_needs_no_newline() -> None:
    lines = Lines()
    lines.feed(b"a\nlast")
    assert lines.feed(b"") == ["last"]
    assert lines.feed(b"") == []


def test_what_is_not_text_is_heard_all_the_same() -> None:
    assert Lines().feed(b"\xff\xfe!\n") == ["\ufffd\ufffd!"]


def test_an_endless_line_is_cut() -> None:
    lines = Lines()
    assert lines.feed(b"x" * LINE_MAX) == []
    assert lines.feed(b"x") == ["x" * LINE_MAX]
    assert lines.feed(b"y\n") == ["y"]


@given(st.lists(st.binary(min_size=1, max_size=9000), max_size=20))
def test_memory_is_bounded_and_the_end_is_kept(pieces: list[bytes]) -> None:
    lines = Lines()
    for piece in pieces:
        assert all(len(line) <= LINE_MAX for line in lines.feed(piece))
    assert lines.tail == b"".join(pieces)[-TAIL_MAX:].decode(errors="replace")

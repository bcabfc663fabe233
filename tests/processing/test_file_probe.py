"""Edit lists that end nowhere, by what stands in the index."""

from pathlib import Path

import pytest

from anb.processing.file_probe import reading
from anb.videos.sniff import Container

SECOND, LATE, REST = (1000, 512), (500, -1), (0, 512)
VERY_LONG = (0x1_0000_0000, 0)


def _index(*edits: tuple[int, int], width: int = 4) -> bytes:
    entries = b"".join(
        length.to_bytes(width, "big") + at.to_bytes(width, "big", signed=True) + b"\0\1\0\0" for length, at in edits
    )
    version = b"\1\0\0\0" if width == 8 else bytes(4)
    table = b"elst" + version + len(edits).to_bytes(4, "big") + entries
    body = (len(table) + 4).to_bytes(4, "big") + table
    return (len(body) + 8).to_bytes(4, "big") + b"moov" + body


@pytest.mark.parametrize(
    ("data", "is_open"),
    [
        (_index(SECOND), False),
        (_index(LATE, SECOND), False),
        (_index(REST), True),
        (_index(LATE, REST), True),
        (_index(REST, width=8), True),
        (_index(VERY_LONG, width=8), False),
        (_index((0, -1), SECOND), False),
        (_index(SECOND, REST), False),
        (_index(REST) + _index(REST)[12:], True),
        (_index(REST) + _index(SECOND)[12:], False),
        (_index(), False),
        (_index(REST)[:-9], False),
        (b"\0\0\0\x0cmoovelst", False),
        (b"\0\0\0\x08mdat", False),
    ],
)
def test_an_edit_of_no_length_is_read_as_one_to_the_end(tmp_path: Path, data: bytes, *, is_open: bool) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert bool(reading(file, Container.MP4)) is is_open
    assert not reading(file, Container.MATROSKA)

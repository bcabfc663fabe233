"""ISO base media boxes (ISO/IEC 14496-12), written and rewritten byte by byte."""

from collections.abc import Callable, Iterator

PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"moof", b"traf", b"mvex", b"udta")


def u16(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def u32(*numbers: int) -> bytes:
    return b"".join((number & 0xFFFFFFFF).to_bytes(4, "big") for number in numbers)


def u64(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in numbers)


def box(name: bytes, *payload: bytes, length: int | None = None) -> bytes:
    """`length` replaces the true one in the box's head."""
    body = b"".join(payload)
    return u32(len(body) + 8 if length is None else length) + name + body


def full_box(name: bytes, *payload: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(name, u32(version << 24 | flags), *payload)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and payload of each box of a well-formed file."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


def edited(data: bytes, name: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """The file with the payload of every box `name` rewritten. Only for files whose index stands at the end: places of
    samples stay what they were."""
    written = []
    for found, payload in boxes(data):
        if found == name:
            written.append(box(found, edit(payload)))
        elif found in PARENTS:
            written.append(box(found, edited(payload, name, edit)))
        else:
            written.append(box(found, payload))
    return b"".join(written)


def poked(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """`offset` counts from the payload's start."""
    return edited(data, name, lambda payload: payload[:offset] + value + payload[offset + len(value) :])


def part(data: bytes, *path: bytes) -> bytes:
    """The payload of the first box at `path`."""
    for name in path:
        data = next(payload for found, payload in boxes(data) if found == name)
    return data


def with_more(data: bytes, *more: bytes) -> bytes:
    """Boxes added at the end of the index."""
    return edited(data, b"moov", lambda payload: payload + b"".join(more))


def moved(data: bytes, before: bytes) -> bytes:
    """The film behind other bytes, with its places of samples put right."""

    def shift(payload: bytes) -> bytes:
        places = [int.from_bytes(payload[at : at + 4], "big") for at in range(8, len(payload), 4)]
        return payload[:8] + u32(*(place + len(before) for place in places))

    return before + edited(data, b"stco", shift)


FTYP = box(b"ftyp", b"isom", u32(512), b"isomiso2mp41")


def picture_entry(codec: bytes, width: int, height: int, *more: bytes) -> bytes:
    """A VisualSampleEntry."""
    return box(
        codec, bytes(6), u16(1), bytes(16), u16(width, height), u32(0x480000, 0x480000, 0), u16(1), bytes(32),
        u16(24, 0xFFFF), *more,
    )  # fmt: skip


def track(entry: bytes, tables: bytes, *, number: int = 1, timescale: int = 1000, duration: int = 1000,
          size: tuple[int, int] = (320, 240), references: bytes = b"", edits: bytes = b"") -> bytes:  # fmt: skip
    """A `trak` of a picture. `references` is what stands in `dref` instead of "in this very file"."""
    width, height = size
    matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    inside = references or full_box(b"url ", flags=1)
    return box(
        b"trak",
        full_box(b"tkhd", u32(0, 0, number, 0, duration), bytes(8), u16(0, 0, 0, 0), matrix,
                 u32(width << 16, height << 16), flags=3),
        edits,
        box(
            b"mdia",
            full_box(b"mdhd", u32(0, 0, timescale, duration), u16(0x55C4, 0)),
            full_box(b"hdlr", u32(0), b"vide", bytes(12), b"V\0"),
            box(
                b"minf",
                full_box(b"vmhd", bytes(8), flags=1),
                box(b"dinf", full_box(b"dref", u32(1), inside)),
                box(b"stbl", full_box(b"stsd", u32(1), entry), tables),
            ),
        ),
    )  # fmt: skip


def index(*tracks: bytes, timescale: int = 1000, duration: int = 1000) -> bytes:
    matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    head = full_box(b"mvhd", u32(0, 0, timescale, duration, 0x10000), u16(0x100), bytes(10), matrix, bytes(24), u32(99))
    return box(b"moov", head, *tracks)


def tables(count: int, delta: int, size: int, chunks: list[int]) -> bytes:
    """`count` samples of one size, one a chunk where there are as many `chunks`, else all in the first."""
    each = 1 if len(chunks) == count else count
    return b"".join(
        (
            full_box(b"stts", u32(1, count, delta)),
            full_box(b"stsc", u32(1, 1, each, 1)),
            full_box(b"stsz", u32(size, count)),
            full_box(b"stco", u32(len(chunks)), u32(*chunks)),
        )
    )

"""First bytes of what is not a video, for a refusal that names it. Pure."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x00\x00\x00\x0cjP  ", "jp2"),
    (b"\x00\x00\x00\x0cJXL ", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"8BPS", "psd"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"#!AMR", "amr"),
    (b"MThd", "midi"),
    (b"caff", "caf"),
    (b"FORM", "aiff"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"SQLite format 3\x00", "database"),
    (b"BM", "bmp"),
    (b"\x1f\x07\x00", "dv"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
)

# Lists that make a player open other files or addresses.
_PLAYLISTS = ("#extm3u", "ffconcat", "file '", 'file "', "[playlist]", "[reference]", "<smil", "<asx", "<mpd", "v=0\n")
_MARKUP = (("<!doctype html", "html"), ("<html", "html"), ("<svg", "svg"), ("#!", "script"), ("{\\rtf", "rtf"))
_TEXT_CONTROLS = frozenset("\t\n\r\f\b\x1b")


def looks_like_text(head: bytes) -> str | None:
    """What kind of text it is; None for bytes that no text holds."""
    if not head:
        return "empty"
    text = _decode(head)
    if text is None or any(char < " " and char not in _TEXT_CONTROLS for char in text):
        return None
    start = text.lstrip("\ufeff \t\r\n").lower().replace("\r\n", "\n")
    for prefix, word in (("%pdf-", "pdf"), *_MARKUP):
        if start.startswith(prefix):
            return word
    listed = start.startswith(_PLAYLISTS) or "\n#ext-x-" in start or "<mpd" in start or "\nfile '" in start
    if listed or "<smoothstreamingmedia" in start:
        return "playlist"
    return "xml" if start.startswith("<?xml") else "text"


def _decode(head: bytes) -> str | None:
    """The last character may be cut by the end of what was read."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data" and error.start >= len(head) - 3
        return head[: error.start].decode() if cut_off else None


def looks_like_other(head: bytes) -> str | None:
    for magic, word in _MAGIC:
        if head.startswith(magic):
            return word
    return _mpeg_audio(head)


def _mpeg_audio(head: bytes) -> str | None:
    """A frame of MPEG audio starts with eleven set bits; layer 0 there is AAC's ADTS."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"

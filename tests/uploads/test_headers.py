import base64
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from anb.errors import InvalidError, MalformedError
from anb.uploads import headers
from anb.uploads.headers import Checksum, Description
from anb.videos.upload_policy import DESCRIPTION_MAX, TITLE_MAX


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("7", 7), ("007", 7), ("9" * 15, 10**15 - 1)])
def test_counts_are_plain_digits(text: str, count: int) -> None:
    assert headers.parse_count("Upload-Offset", text) == count


@pytest.mark.parametrize("text", [None, "", "-1", "+1", "1.0", " 1", "1 ", "0x1", "1e3", "\u0661", "1,1", "1" * 16])
def test_everything_else_is_no_count(text: str | None) -> None:
    with pytest.raises(MalformedError) as raised:
        headers.parse_count("Upload-Offset", text)
    assert (raised.value.code, raised.value.params) == ("bad_header", {"header": "Upload-Offset"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, {}),
        ("", {}),
        ("title dHJpcGxl", {"title": b"triple"}),
        ("title dHJpcGxl,is_confidential", {"title": b"triple", "is_confidential": b""}),
        ("title dHJpcGxl, filename Yy5tcDQ=", {"title": b"triple", "filename": b"c.mp4"}),
        ("title ", {"title": b""}),
        ("a 4pyT", {"a": "✓".encode()}),
    ],
)
def test_metadata_is_pairs_of_a_key_and_base64(text: str | None, found: dict[str, bytes]) -> None:
    assert headers.parse_metadata(text) == found


@pytest.mark.parametrize(
    "text",
    [",", " ", "title dHJpcGxl,", "title dHJpcGxl,title dHJpcGxl", "title *", "title dHJ", "ñ dHJpcGxl", "a b c",
     "t " + "A" * 40_000],
)  # fmt: skip
def test_other_metadata_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as raised:
        headers.parse_metadata(text)
    assert (raised.value.code, raised.value.params) == ("bad_header", {"header": "Upload-Metadata"})


def test_metadata_may_be_30_kib_long() -> None:
    longest = "key " + "A" * (30 * 1024 - 4)
    assert len(headers.parse_metadata(longest)["key"]) == (30 * 1024 - 4) * 3 // 4
    with pytest.raises(MalformedError):
        headers.parse_metadata(longest.replace("key", "four"))


def test_whatever_a_form_takes_is_taken_beside_the_names_that_clients_add() -> None:
    widest = "\N{BASKETBALL AND HOOP}"  # four bytes, the most that UTF-8 has
    told = {"title": widest * TITLE_MAX, "description": widest * DESCRIPTION_MAX}
    more = {"filename": "ñ" * 255, "name": "ñ" * 255, "filetype": "video/mp4", "type": "video/mp4"}
    sent = [f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in (told | more).items()]
    assert headers.described(headers.parse_metadata(",".join(sent))) == Description(**told)


def test_a_title_is_tidied_like_a_forms() -> None:
    told = {"title": b" Mi triple\n", "description": b"uno\ndos", "filename": b"\xff", "filetype": b"x"}
    assert headers.described(told) == Description("Mi triple", "uno\ndos")
    assert headers.described({"title": b"t"}) == Description("t", "")


@pytest.mark.parametrize(
    ("told", "field", "code"),
    [
        ({}, "title", "missing"),
        ({"filename": b"clip.mp4"}, "title", "missing"),
        ({"title": b"  "}, "title", "empty"),
        ({"title": b"x" * 201}, "title", "too_long"),
        ({"title": b"\xff"}, "title", "bad_characters"),
        ({"title": b"t", "description": b"x" * 5001}, "description", "too_long"),
        ({"title": b"t", "description": b"\x00"}, "description", "bad_characters"),
    ],
)
def test_a_wrong_field_is_named(told: dict[str, bytes], field: str, code: str) -> None:
    with pytest.raises(InvalidError) as raised:
        headers.described(told)
    assert raised.value.code == "invalid_fields"
    assert [(error.field, error.code) for error in raised.value.errors] == [(field, code)]


def test_a_checksum_is_an_algorithm_and_base64() -> None:
    assert headers.parse_checksum(None) is None
    assert headers.parse_checksum("sha1 AAEC") == Checksum("sha1", b"\x00\x01\x02")
    assert headers.parse_checksum("sha256 AAEC") == Checksum("sha256", b"\x00\x01\x02")
    assert Checksum("sha1", b"").start().name == "sha1"
    assert Checksum("sha256", b"").start().name == "sha256"


@pytest.mark.parametrize("text", ["", "sha1", "sha1 ", "sha1 *", "md5 AAEC", "SHA1 AAEC", "AAEC"])
def test_other_checksums_are_refused(text: str) -> None:
    with pytest.raises(MalformedError) as raised:
        headers.parse_checksum(text)
    assert (raised.value.code, raised.value.params) == ("bad_header", {"header": "Upload-Checksum"})


def test_an_expiry_is_a_date_of_http_in_whatever_zone_it_was_read() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    assert headers.expires(moment) == "Sun, 01 Mar 2026 12:00:05 GMT"
    assert headers.expires(moment.astimezone(timezone(timedelta(hours=-5)))) == "Sun, 01 Mar 2026 12:00:05 GMT"


def test_only_ids_as_they_are_handed_out_are_ids() -> None:
    known = uuid.UUID("01a20f19-1de7-70f4-ac31-d6a53cddfae1")
    assert headers.parse_id(str(known)) == known
    for text in ("", str(known).upper(), known.hex, f"{{{known}}}", known.urn, f"{known}\n", f"../{known}"):
        assert headers.parse_id(text) is None


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("application/offset+octet-stream", True),
        ("Application/Offset+Octet-Stream; charset=x", True),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_a_piece_has_a_type_of_its_own(text: str, is_it: bool) -> None:
    assert headers.is_body_type(text) is is_it

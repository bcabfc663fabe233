"""Long heads through nginx: what the application takes, and says back, gets through."""

import httpx2
import pytest

from anb.videos.upload_policy import DESCRIPTION_MAX, TITLE_MAX
from tests.cast import MP4_HEAD, problem
from tests.stack.asking import Headers, status
from tests.uploads.speaker import STREAM, metadata

TUS = {"Tus-Resumable": "1.0.0"}
WIDEST = "\N{BASKETBALL AND HOOP}"
"""Four bytes, the most that a character has in UTF-8."""


def described(description: str) -> str:
    return metadata(title=WIDEST * TITLE_MAX, description=description, filename="a" * 255, filetype="video/mp4")


@pytest.mark.parametrize("description", ["a" * 3000, WIDEST * DESCRIPTION_MAX], ids=["plain", "the longest"])
def test_an_upload_with_a_long_description_is_gone_on_with(http: httpx2.Client, ana: Headers, description: str) -> None:
    """HEAD says the metadata back."""
    data = MP4_HEAD + bytes(2000)
    told = {"Upload-Length": f"{len(data)}", "Upload-Metadata": described(description)}
    begun = http.post("/api/uploads", headers=ana | TUS | told)
    assert begun.status_code == 201, begun.text
    address = begun.headers["location"]
    for start, end in ((0, 1000), (1000, len(data))):
        looked = http.head(address, headers=ana | TUS)
        assert (looked.status_code, looked.headers.get("upload-offset")) == (200, f"{start}")
        assert looked.headers["upload-metadata"] == told["Upload-Metadata"]
        piece = {"Upload-Offset": f"{start}", "Content-Type": STREAM}
        assert http.patch(address, headers=ana | TUS | piece, content=data[start:end]).status_code == 204
    assert http.head(address, headers=ana | TUS).status_code == 200
    assert status(http, ana, address.rpartition("/")[2]) in {"pending", "processing", "failed"}


def test_a_description_that_is_too_long_is_named(http: httpx2.Client, ana: Headers) -> None:
    told = {"Upload-Length": "2000", "Upload-Metadata": described("a" * (DESCRIPTION_MAX + 1))}
    answer = http.post("/api/uploads", headers=ana | TUS | told)
    problem(answer, 422, "invalid_fields")
    assert [wrong["field"] for wrong in answer.json()["errors"]] == ["description"]


PLACES = f"city={WIDEST * 100}&country={WIDEST * 100}"


@pytest.mark.parametrize("query", [PLACES, "a=b&" * 3000, f"{PLACES}&{'a=b&' * 7000}"], ids=["own", "odd", "both"])
def test_a_list_that_is_asked_for_with_a_long_query_is_answered(http: httpx2.Client, query: str) -> None:
    """Its links repeat what belongs to it, once for each page."""
    answer = http.get(f"/api/public/videos?{query}")
    assert answer.status_code == 200, answer.text
    assert 'rel="first"' in answer.headers["link"]
    assert http.get(f"/api/public/rankings?{query}").status_code == 200

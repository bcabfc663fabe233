"""What the page says of the phases is what the code makes."""

from pathlib import Path

from infra.profiles import side_by_side


def test_the_page_shows_the_phases_as_they_are() -> None:
    assert side_by_side() in (Path(__file__).parents[2] / "docs/infrastructure.md").read_text()

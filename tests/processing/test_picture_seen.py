"""Orientation, shape and colour, as a viewer sees them."""

from pathlib import Path

import pytest

from tests.media.factory import X264, Samples, ffmpeg, with_matrix
from tests.media.seen import close, colour_at, frame
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 0)
BLACK = (0, 0, 0)
# Where each colour stands in the source: right is +x, down is +y.
QUARTERS = {RED: (-1, -1), GREEN: (1, -1), BLUE: (-1, 1), YELLOW: (1, 1)}


@pytest.fixture(scope="session")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 x 60 of each: red and green above, blue and yellow below."""
    file = tmp_path_factory.mktemp("quarters") / "quarters.mp4"
    inputs = [f"color={name}:s=160x120:d=1" for name in ("red", "green", "blue", "yellow")]
    stack = "[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack"
    ffmpeg(*(x for one in inputs for x in ("-f", "lavfi", "-i", one)), "-filter_complex", stack, *X264, str(file))
    return file


TURNS = (
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (-1, 0, 0, -1),
    (0, 1, -1, 0),
    (0, -1, 1, 0),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
)


@pytest.mark.parametrize("matrix", TURNS, ids=str)
def test_the_picture_stands_as_its_matrix_says(
    quarters: Path, workbench: Workbench, tmp_path: Path, matrix: tuple[int, int, int, int]
) -> None:
    source = with_matrix(quarters, tmp_path / "turned.mp4", matrix)
    pixels = frame(workbench.convert(source).video)
    a, b, c, d = matrix
    for colour, (x, y) in QUARTERS.items():
        right, down = a * x + c * y, b * x + d * y
        seen = colour_at(pixels, 640 + 150 * right, 360 + 150 * down)
        assert close(seen, colour), (colour, seen)


def test_what_does_not_fill_the_frame_gets_black_bars(quarters: Path, workbench: Workbench) -> None:
    pixels = frame(workbench.convert(quarters).video)
    assert close(colour_at(pixels, 60, 360), BLACK)
    assert close(colour_at(pixels, 1220, 360), BLACK)


def test_wide_pixels_become_a_wide_picture(samples: Samples, workbench: Workbench) -> None:
    """720x576 of 16:11 pixels is 1047 wide for 576 high, wider than 16:9: the bars are above and below."""
    pixels = frame(workbench.convert(samples["wide-pixels.mp4"]).video)
    assert not close(colour_at(pixels, 4, 500), BLACK)
    assert close(colour_at(pixels, 300, 3), BLACK)


def test_the_mark_stands_in_the_lower_right_corner(workbench: Workbench, tmp_path: Path) -> None:
    source = tmp_path / "dark.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=640x360:d=1", *X264, str(source))
    pixels = frame(workbench.convert(source).video)
    bright = [(x, y) for y in range(0, 720, 2) for x in range(0, 1280, 2) if min(colour_at(pixels, x, y)) > 150]
    assert len(bright) > 200
    assert all(x > 960 and y > 640 for x, y in bright)


def _flat(target: Path, colour: str, *how: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", f"color={colour}:s=1280x720:d=0.5:r=10,format=rgb24", *how, str(target))
    return target


FLATTENED = {
    "full-range": ("-vf", "scale=out_range=pc:out_color_matrix=bt709,format=yuvj420p", "-colorspace", "bt709"),
    "bt601-tagged": ("-vf", "scale=out_color_matrix=bt601,format=yuv420p", "-colorspace", "smpte170m"),
    "untagged-large": ("-vf", "scale=out_color_matrix=bt709,format=yuv420p"),
    "4:4:4": ("-vf", "scale=out_color_matrix=bt709,format=yuv444p", "-colorspace", "bt709"),
}


@pytest.mark.parametrize("how", FLATTENED.values(), ids=FLATTENED.keys())
def test_a_colour_stays_the_colour_it_was(workbench: Workbench, tmp_path: Path, how: tuple[str, ...]) -> None:
    source = _flat(tmp_path / "flat.mp4", "0xC04020", *how, "-c:v", "libx264")
    done = workbench.convert(source)
    for picture in (done.video, done.poster):
        pixels = frame(picture, at_s=0)
        assert close(colour_at(pixels, 300, 300), (0xC0, 0x40, 0x20), by=12), (picture, colour_at(pixels, 300, 300))


@pytest.mark.parametrize("name", ["hdr10.mp4", "hlg.mov"])
def test_hdr_is_neither_bleached_nor_black(samples: Samples, workbench: Workbench, name: str) -> None:
    pixels = frame(workbench.convert(samples[name]).video)
    red, green, blue = colour_at(pixels, 200, 600)
    assert red > 120
    assert green < red / 2
    assert blue < red / 2

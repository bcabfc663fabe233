import pytest

from anb.processing.lines import LINE_MAX, TAIL_MAX, Lines
from anb.processing.witness import Witness


def _heard(packets: int, decoded: int, damaged: int) -> Witness:
    witness = Witness(10, video_index=1)
    for _ in range(damaged):
        witness.hear_log("[h264 @ 0x1] [info] concealing 12 DC, 12 AC, 12 MV errors in P frame")
    witness.hear_log("  Input stream #0:0 (video): 1 packets read (1 bytes); 1 frames decoded; ")
    witness.hear_log(f"  Input stream #0:1 (video): {packets} packets read (1 bytes); {decoded} frames decoded; ")
    return witness


@pytest.mark.parametrize(
    ("packets", "decoded", "damaged", "trusted"),
    [
        (100, 100, 0, True),
        (100, 50, 0, True),
        (100, 49, 0, False),
        (0, 0, 0, False),
        (1, 1, 2, True),
        (1, 1, 3, False),
        (100, 100, 25, True),
        (100, 100, 26, False),
    ],
)
def test_what_is_mostly_whole_is_trusted(packets: int, decoded: int, damaged: int, trusted: bool) -> None:
    assert _heard(packets, decoded, damaged).trustworthy is trusted


@pytest.mark.parametrize(("decoded", "trusted"), [(15, True), (14, False)])
def test_what_an_edit_list_hides_is_not_missed(decoded: int, trusted: bool) -> None:
    witness = Witness(10, video_index=1, hidden=70)
    witness.hear_log(f"  Input stream #0:1 (video): 100 packets read (1 bytes); {decoded} frames decoded; ")
    assert witness.trustworthy is trusted


@pytest.mark.parametrize(("damaged", "trusted"), [(95, True), (96, False)])
def test_what_leans_on_pictures_that_are_not_there_is_no_damage(damaged: int, trusted: bool) -> None:
    witness = Witness(10, video_index=1, hidden=70, lost=70)
    witness.hear_log("  Input stream #0:1 (video): 170 packets read (1 bytes); 100 frames decoded; ")
    witness.damaged = damaged
    assert witness.trustworthy is trusted


@pytest.mark.parametrize(
    ("line", "damaged"),
    [
        ("[vist#0:1/hevc @ 0x1] [error] Error submitting packet to decoder: Invalid data", 1),
        ("[error] Error while decoding stream #0:1: Invalid data", 1),
        ("[aist#0:0/flac @ 0x1] [dec:flac @ 0x2] [error] Error submitting packet to decoder: Invalid data", 0),
        ("[error] Error while decoding stream #0:0: Invalid data", 0),
        ("[error] Error while decoding stream #2:1: Invalid data", 0),
        ("[aac @ 0x1] [error] Error submitting packet to decoder: Invalid data", 0),
    ],
)
def test_a_lost_packet_of_the_picture_is_damage_and_one_of_the_sound_is_not(line: str, damaged: int) -> None:
    witness = Witness(10, video_index=1)
    witness.hear_log(line)
    assert witness.damaged == damaged


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("frame=5", 50),
        ("frame= 5 ", 50),
        ("frame=N/A", 0),
        ("frame=99", 99),
        ("out_time_us=5000000", 0),
        ("progress=end", 0),
    ],
)
def test_progress_is_read_line_by_line(line: str, percent: float) -> None:
    witness = Witness(10, video_index=0)
    witness.hear_progress(line)
    assert witness.percent == percent


def test_progress_does_not_go_back() -> None:
    witness = Witness(10, video_index=0)
    witness.hear_progress("frame=5")
    witness.hear_progress("frame=4")
    assert witness.percent == 50


def test_lines_are_put_together_from_pieces() -> None:
    lines = Lines()
    assert lines.feed(b"on") == []
    assert lines.feed(b"e\ntwo\rth") == ["one", "two"]
    assert lines.feed(b"") == ["th"]


def test_a_flood_without_line_ends_stays_bounded() -> None:
    lines = Lines()
    heard = [line for _ in range(50) for line in lines.feed(b"x" * 3000)]
    assert all(len(line) <= LINE_MAX for line in heard)
    assert len(lines.tail) == TAIL_MAX


_PICTURE = "[graph 0 input from stream 0:0 @ 0x55] [verbose] w:320 h:240 pixfmt:yuv420p"
_OTHER_PICTURE = "[graph 0 input from stream 0:0 @ 0x77] [verbose] w:640 h:360 pixfmt:yuv420p"
_MARK = "[graph 0 input from stream 1:0 @ 0x66] [verbose] w:320 h:240 pixfmt:rgba"
_STEREO = "[graph_0_in_0_1 @ 0x56] [verbose] tb:1/48000 samplefmt:fltp samplerate:48000 chlayout:stereo"
_SURROUND = "[graph_0_in_0_1 @ 0x78] [verbose] tb:1/48000 samplefmt:fltp samplerate:48000 chlayout:5.1"
_CONGRUENT = "[graph 0 input from stream 0:0 @ 0x55] [verbose] video frame properties congruent"


@pytest.mark.parametrize(
    ("lines", "picture", "sound"),
    [
        ([_PICTURE, _MARK, _STEREO], False, False),
        ([_PICTURE, _MARK, _STEREO, _CONGRUENT], False, False),
        # All are built anew, whichever changed.
        ([_PICTURE, _MARK, _STEREO, _OTHER_PICTURE, _MARK, _STEREO], True, False),
        ([_PICTURE, _MARK, _STEREO, _PICTURE, _MARK, _SURROUND], False, True),
        ([_PICTURE, _MARK, _STEREO, _PICTURE, _MARK], False, False),
        ([_PICTURE, _STEREO, _OTHER_PICTURE, _STEREO, _OTHER_PICTURE, _SURROUND], True, True),
        # A matrix that turns it otherwise, of which no line tells.
        ([_PICTURE, _MARK, _STEREO, _PICTURE, _MARK, _STEREO], True, False),
    ],
)
@pytest.mark.parametrize("name_of_sound", ["graph_0_in_0_1", "graph_0_in_0:1"], ids=["5.1", "9.0"])
def test_filters_that_are_built_twice_tell_what_changed(
    lines: list[str], name_of_sound: str, *, picture: bool, sound: bool
) -> None:
    witness = Witness(10, video_index=0, hears=True)
    for line in lines:
        witness.hear_log(line.replace("graph_0_in_0_1", name_of_sound))
    assert (witness.picture_changes, witness.sound_changes) == (picture, sound)


@pytest.mark.parametrize(("lines", "changes"), [([_PICTURE, _MARK], False), ([_PICTURE, _MARK, _OTHER_PICTURE], True)])
def test_without_a_sound_the_picture_alone_can_change(lines: list[str], changes: bool) -> None:
    witness = Witness(10, video_index=0)
    for line in lines:
        witness.hear_log(line)
    assert (witness.picture_changes, witness.sound_changes) == (changes, False)

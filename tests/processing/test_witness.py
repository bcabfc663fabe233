import pytest

from anb.processing.witness import Witness


def told(*lines: str) -> Witness:
    witness = Witness(10.0, 1)
    for line in lines:
        witness.hear_log(line)
    return witness


def summary(packets: int, decoded: int, stream: int = 1) -> str:
    return f"[verbose]   Input stream #0:{stream} (video): {packets} packets read (9 bytes); {decoded} frames decoded; "


CONCEALED = "[h264 @ 0x1] [info] concealing 20 DC, 20 AC, 20 MV errors in P frame"


@pytest.mark.parametrize(
    ("packets", "decoded", "damaged", "trusted"),
    [
        (100, 100, 0, True),
        (100, 50, 0, True),
        (100, 49, 0, False),
        (100, 100, 25, True),
        (100, 100, 26, False),
        (1, 1, 0, True),
        (3, 3, 2, True),
        (3, 3, 3, False),
        (0, 0, 0, False),
        (9, 0, 0, False),
    ],
)
def test_mostly_whole_pictures_are_trusted(packets: int, decoded: int, damaged: int, trusted: bool) -> None:
    witness = told(*[CONCEALED] * damaged, summary(packets, decoded))
    assert (witness.packets, witness.decoded, witness.damaged) == (packets, decoded, damaged)
    assert witness.trustworthy is trusted


def test_another_stream_s_numbers_are_not_the_picture_s() -> None:
    assert told(summary(5, 5), summary(100, 0, stream=0)).packets == 5


@pytest.mark.parametrize(
    "line",
    [
        "[error] Error submitting packet to decoder: Invalid data found when processing input",
        "[error] Error while decoding stream #0:1: Invalid data found when processing input",
    ],
)
def test_a_lost_packet_is_damage(line: str) -> None:
    assert told(line).damaged == 1


def test_broken_sound_does_not_condemn_the_picture() -> None:
    assert told("[aist#0:0/aac @ 0x1] [dec:aac @ 0x2] [error] Error submitting packet to decoder: no").damaged == 0


def test_progress_is_heard_and_never_goes_back() -> None:
    witness = Witness(10.0, 0)
    seen = []
    for line in ("out_time_us=N/A", "frame=3", "out_time_us=2500000", "out_time_us=-9", "out_time_us=1", "nonsense"):
        witness.hear_progress(line)
        seen.append(witness.percent)
    assert seen == [0, 0, 25, 25, 25, 25]
    witness.hear_progress("out_time_us=99000000")
    assert witness.percent == 99

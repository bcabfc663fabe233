"""An FFmpeg that goes wrong, one way at a time: a shell script in its place, in the real cage."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anb.processing import convert as module
from anb.processing.convert import Converted, convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.ffmpeg import find_ffmpeg
from anb.processing.inspection import examine, inspect
from anb.processing.limits import MIB, Limits, Rules
from anb.processing.probe import Probe
from anb.processing.streams import Clip
from anb.videos.sniff import SNIFF_BYTES, Container
from tests.media.factory import Samples

LIMITS = Limits(wall_seconds=30, memory_bytes=1024 * MIB, cpu_seconds=30)
POSTER = "printf '\\377\\330\\377' > poster.jpg\n"

Play = Callable[..., Converted]


@pytest.fixture
def play(samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Converts a clip with sound by a script. It starts no process, only turns into one: the cage allows no more."""

    def run(script: str, limits: Limits = LIMITS, source: str = "landscape.mp4") -> Converted:
        folder, work = tmp_path / "tool", tmp_path / "work"
        folder.mkdir()
        work.mkdir()
        fake = folder / "ffmpeg"
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        (folder / "fine.mp4").write_bytes(samples["landscape.mp4"].read_bytes())
        monkeypatch.setattr(module, "find_ffmpeg", lambda: fake)
        return convert(samples[source], work, limits, on_progress=lambda _: None)

    return run


SAYS_ALL_IS_WELL = "echo 'Input stream #0:0 (video): 30 packets read; 30 frames decoded' >&2\n"

FAULTS = {
    "it hangs": ("exec sleep 600", FailureCode.TOOK_TOO_LONG),
    "it hangs and will not end": ("trap '' TERM INT HUP\nexec sleep 600", FailureCode.TOOK_TOO_LONG),
    "it eats memory": ("exec tail /dev/zero", FailureCode.TOO_HEAVY),
    "it burns": ("while :; do :; done", FailureCode.TOO_HEAVY),
    "it fills the disk": ("exec cat /dev/zero > house.mp4", FailureCode.TOO_HEAVY),
    "it floods standard error without a newline": ("exec cat /dev/zero >&2", FailureCode.TOO_HEAVY),
    "it floods standard output without a newline": ("exec cat /dev/zero", FailureCode.TOO_HEAVY),
    "it floods with lines": ("exec yes 'frame=1'", FailureCode.TOO_HEAVY),
    "it crashes": ("kill -SEGV $$", FailureCode.CRASHED),
    "it is killed": ("kill -KILL $$", FailureCode.INTERRUPTED),
    "exit 0, nothing done": ("exit 0", FailureCode.DAMAGED),
    "exit 0, no picture decoded": (f"{POSTER}exec cat /dev/null > house.mp4", FailureCode.DAMAGED),
    "exit 0, no result": (POSTER + SAYS_ALL_IS_WELL, FailureCode.NOT_HOUSE_FORMAT),
    "exit 0, an empty result": (f"{POSTER}{SAYS_ALL_IS_WELL}: > house.mp4", FailureCode.NOT_HOUSE_FORMAT),
    "exit 0, a broken result": (f"{POSTER}{SAYS_ALL_IS_WELL}echo rubbish > house.mp4", FailureCode.NOT_HOUSE_FORMAT),
    "exit 0, half a result": (
        f"{POSTER}{SAYS_ALL_IS_WELL}exec head -c 9000 ${{0%/*}}/fine.mp4 > house.mp4", FailureCode.NOT_HOUSE_FORMAT),
    "exit 0, another's format": (
        f"{POSTER}{SAYS_ALL_IS_WELL}exec cat ${{0%/*}}/fine.mp4 > house.mp4", FailureCode.NOT_HOUSE_FORMAT),
    "exit 0, no poster": (
        f"{SAYS_ALL_IS_WELL}exec cat ${{0%/*}}/fine.mp4 > house.mp4", FailureCode.DAMAGED),
}  # fmt: skip
QUICKER = {
    FailureCode.TOOK_TOO_LONG: Limits(wall_seconds=1),
    FailureCode.TOO_HEAVY: Limits(cpu_seconds=2, memory_bytes=256 * MIB, output_bytes=MIB, told_bytes=MIB),
}


@pytest.mark.parametrize(("script", "code"), FAULTS.values(), ids=FAULTS)
def test_whatever_it_does_ends_with_a_reason(
    play: Play, monkeypatch: pytest.MonkeyPatch, script: str, code: FailureCode
) -> None:
    def at_leisure(
        path: Path, container: Container, _: Limits, rules: Rules, seen: Probe | None = None
    ) -> tuple[Probe, Clip]:
        return examine(path, container, LIMITS, rules, seen)

    monkeypatch.setattr(module, "examine", at_leisure)
    with pytest.raises(ProcessingFailed) as failed:
        play(script, QUICKER.get(code, LIMITS))
    assert failed.value.code is code


SOUND_FAILS = """case "$*" in
  *'[sound]'*) echo 'Error while opening decoder for input stream #0:1 : Invalid argument' >&2; exit 1;;
esac
exec {real} "$@"
"""
SOUND_VANISHES = """case "$*" in
  *'[sound]'*) exec {real} -v verbose -y -f mov -i {source} -f png_pipe -i {mark} -filter_complex \
'[0:0]scale=1280:720,setsar=1,fps=30,split[video][poster]' -map '[video]' -map_metadata -1 -fflags +bitexact \
-metadata:s:v encoder=ANB -movflags +faststart house.mp4 -map '[poster]' -frames:v 1 -update 1 poster.jpg;;
esac
exec {real} "$@"
"""


@pytest.mark.parametrize("script", [SOUND_FAILS, SOUND_VANISHES], ids=["fails on it", "loses it"])
def test_a_sound_that_only_the_probe_can_decode_is_left_out(play: Play, samples: Samples, script: str) -> None:
    real, source = find_ffmpeg(), samples["landscape.mp4"]
    done = play(script.format(real=real, source=source, mark=module.WATERMARK))
    assert not done.facts.has_audio
    assert done.facts.duration_s == pytest.approx(1, abs=0.1)


# The sound of 0:1 becomes surround; only the run that makes it steady ends as the test says.
STEADY_SOUND_FAILS = """case "$*" in
  *'[sound]'*)
    echo '[graph_0_in_0_1 @ 0x1] [verbose] tb:1/48000 samplefmt:fltp samplerate:48000 chlayout:stereo' >&2
    echo '[graph_0_in_0_1 @ 0x2] [verbose] tb:1/48000 samplefmt:fltp samplerate:48000 chlayout:5.1' >&2
    exit 0;;
  *sound.nut) {ends};;
esac
exec {real} "$@"
"""
SOUND_IS_INTERRUPTED = """case "$*" in
  *'[sound]'*)
    echo '[aist#0:1/aac @ 0x1] [dec:aac @ 0x2] [error] Error submitting packet to decoder: Invalid data' >&2
    {ends};;
esac
exec {real} "$@"
"""


@pytest.mark.parametrize("script", [STEADY_SOUND_FAILS, SOUND_IS_INTERRUPTED], ids=["steady", "ordinary"])
@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("kill -KILL $$", FailureCode.INTERRUPTED),
        ("kill -SEGV $$", FailureCode.CRASHED),
        ("echo 'No space left on device' >&2; exit 1", FailureCode.DISK_FULL),
    ],
)
def test_no_sound_is_left_out_for_what_the_machine_did(play: Play, script: str, ends: str, code: FailureCode) -> None:
    with pytest.raises(ProcessingFailed) as failed:
        play(script.format(ends=ends, real=find_ffmpeg()))
    assert failed.value.code is code


def test_a_sound_that_cannot_be_made_steady_is_left_out(play: Play) -> None:
    assert not play(STEADY_SOUND_FAILS.format(ends="exit 1", real=find_ffmpeg())).facts.has_audio


def test_a_picture_that_fails_is_not_tried_twice(play: Play) -> None:
    with pytest.raises(ProcessingFailed) as failed:
        play("echo 'Error while opening decoder for input stream #0:0 : Invalid argument' >&2; exit 1")
    assert failed.value.code is FailureCode.DAMAGED


def test_a_probe_that_never_stops_printing_is_stopped(samples: Samples) -> None:
    assert inspect(samples["landscape.mp4"], Limits(told_bytes=100)).refusal is FailureCode.TOO_HEAVY


def test_a_read_that_stalls_is_ended_by_the_wall_clock(samples: Samples, tmp_path: Path) -> None:
    """A pipe that gives each reader the beginning and then no more: a share whose server has gone silent."""
    share = tmp_path / "clip.mp4"
    os.mkfifo(share)
    beginning = samples["index-first.mp4"].read_bytes()[:SNIFF_BYTES]
    keeper = os.open(share, os.O_RDWR)  # never the end of the file, and no reader waits to be let in
    os.write(keeper, beginning * 2)
    try:
        with pytest.raises(ProcessingFailed) as failed:
            convert(share, tmp_path, Limits(wall_seconds=1), on_progress=lambda _: None)
    finally:
        os.close(keeper)
    assert failed.value.code is FailureCode.TOOK_TOO_LONG

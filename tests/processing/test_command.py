"""The command for named sources, as a list: what differs from the ordinary clip is what each test names."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from anb.processing.command import Files, build, build_steady_sound, filters
from anb.processing.limits import NO_RULES, Limits
from anb.processing.picture import HLG, PQ, scaled_size
from anb.processing.probe import Matrix, Stream
from anb.processing.streams import Clip, choose
from tests.processing.streams_of import audio, frame, paced, probe, video

FILES = Files(
    ffmpeg=Path("/bin/ffmpeg"),
    source=Path("/in/clip.mov"),
    demuxer="mov",
    watermark=Path("/own/mark.png"),
    video=Path("/out/house.mp4"),
    poster=Path("/out/poster.jpg"),
    reading=(),
    steady_sound=Path("/out/sound.nut"),
)


def clip_of(*streams: Stream) -> Clip:
    return choose(probe(*streams), Limits(), NO_RULES)


SCALE = "scale=1280:720:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:in_range=tv:out_range=tv"
END = (
    "pad=1280:720:(ow-iw)/2:(oh-ih)/2:color=black,setsar=1,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[house];"
    "[house][1:v]overlay=1280-w-24:720-h-24:eof_action=repeat:format=yuv420,sidedata=mode=delete,format=yuv420p,"
    "split[video][pick];"
    "[pick]select='not(mod(n,15))',thumbnail=12,"
    "scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=yuvj420p[poster]"
)
TIMING = "[0:0]setpts=PTS-(0.000000)/TB,fps=30/1:start_time=0,trim=end_frame=900,"
SOUND = (
    ";[0:1]asetpts=PTS-(0.000000)/TB,aresample=48000:async=1:first_pts=0,"
    "aformat=channel_layouts=stereo,atrim=end=30[sound]"
)


def test_an_ordinary_clip() -> None:
    assert build(FILES, clip_of(video(), audio()), Limits()) == [
        "/bin/ffmpeg",
        *("-hide_banner", "-nostdin", "-y", "-nostats", "-loglevel", "level+verbose"),
        *("-max_alloc", "1000000000", "-max_error_rate", "1", "-progress", "pipe:1", "-stats_period", "0.5"),
        *("-filter_complex_threads", "2", "-copyts"),
        *("-threads", "2", "-max_pixels", "40000000", "-noautorotate", "-t", "32.000"),
        *("-protocol_whitelist", "file", "-max_streams", "32", "-f", "mov", "-i", "/in/clip.mov"),
        *("-f", "png_pipe", "-i", "/own/mark.png"),
        *("-filter_complex", f"{TIMING}{SCALE},format=yuv420p,{END}{SOUND}"),
        *("-map", "[video]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-threads", "2"),
        *("-maxrate", "4M", "-bufsize", "8M", "-profile:v", "high", "-level:v", "3.1", "-pix_fmt", "yuv420p"),
        *("-g", "60", "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709"),
        *("-color_trc", "bt709", "-fps_mode", "passthrough", "-a53cc", "0"),
        *("-map", "[sound]", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"),
        *("-map_metadata", "-1", "-metadata:s:v", "encoder=ANB", "-map_chapters", "-1", "-sn", "-dn"),
        *("-write_tmcd", "0", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mp4", "/out/house.mp4"),
        *("-map", "[poster]", "-map_metadata", "-1", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3"),
        *("-flags:v", "+bitexact", "-f", "image2", "-update", "1", "/out/poster.jpg"),
    ]


def test_a_silent_clip_asks_for_no_sound() -> None:
    command = build(FILES, clip_of(video()), Limits())
    assert "[sound]" not in " ".join(command)
    assert "aac" not in command


def test_a_clip_in_the_middle_of_the_clock_is_read_so_far() -> None:
    command = build(FILES, clip_of(video()), Limits(), starts_before_s=5.25)
    assert command[command.index("-t") + 1] == "37.250"


def test_a_portrait_clip_is_scaled_before_it_is_turned() -> None:
    turned = filters(clip_of(video(frame=frame(matrix=(0, 1, -1, 0)))))
    assert turned.startswith(f"{TIMING}{SCALE.replace('1280:720', '720:404')},format=yuv420p,transpose=clock,pad=")


def test_a_late_start_is_taken_off_both_clocks() -> None:
    both = filters(clip_of(video(first_s=10.5, end_s=12.0), audio(first_s=10.5)))
    assert "[0:0]setpts=PTS-(10.500000)/TB," in both
    assert "[0:1]asetpts=PTS-(10.500000)/TB," in both


def test_only_interlaced_pictures_are_deinterlaced() -> None:
    assert filters(clip_of(video(frame=frame(interlaced=True)))).startswith("[0:0]bwdif=")
    assert "bwdif" not in filters(clip_of(video()))


TURNS: dict[str, tuple[Matrix, str]] = {
    "mirrored": ((-1, 0, 0, 1), ",hflip,pad"),
    "flipped": ((1, 0, 0, -1), ",vflip,pad"),
    "upside down": ((-1, 0, 0, -1), ",hflip,vflip,pad"),
    "to the left": ((0, -1, 1, 0), ",transpose=cclock,pad"),
    "to the left and mirrored": ((0, 1, 1, 0), ",transpose=cclock_flip,pad"),
    "to the right and mirrored": ((0, -1, -1, 0), ",transpose=clock_flip,pad"),
}


@pytest.mark.parametrize(("matrix", "turn"), TURNS.values(), ids=TURNS)
def test_all_four_numbers_of_the_matrix_turn_the_picture(matrix: Matrix, turn: str) -> None:
    assert turn in filters(clip_of(video(frame=frame(matrix=matrix))))


SIZES = {
    "full HD": (1920, 1080, "1", (1280, 720)),
    "4K": (3840, 2160, "1", (1280, 720)),
    "old television": (720, 576, "16/15", (960, 720)),
    "wide pixels": (720, 576, "64/45", (1280, 720)),
    "odd": (161, 121, "1", (958, 720)),
    "square": (500, 500, "1", (720, 720)),
    "a hair, upright": (2, 4000, "1", (2, 720)),
    "a hair, lying": (4000, 2, "1", (1280, 2)),
    "tall pixels": (640, 480, "1/2", (480, 720)),
}


@pytest.mark.parametrize(("width", "height", "aspect", "size"), SIZES.values(), ids=SIZES)
def test_every_size_fits(width: int, height: int, aspect: str, size: tuple[int, int]) -> None:
    assert scaled_size(frame(width=width, height=height), Fraction(aspect)) == size


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "smpte2084"), (HLG, "arib-std-b67")])
def test_hdr_is_mapped_to_what_every_screen_shows(transfer: int, name: str) -> None:
    hdr = filters(clip_of(video(frame=frame(pixel_format="yuv420p10le", transfer=transfer, space=9, primaries=9))))
    assert (
        f"scale=1280:720:flags=bicubic,zscale=tin={name}:pin=bt2020:min=bt2020nc:rin=limited:t=linear:npl=100,"
        "format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv420p,pad"
    ) in hdr


@pytest.mark.parametrize(
    ("transfer", "space", "first", "matrix"),
    [
        (PQ, 14, "setparams=colorspace=bt2020nc,", "min=ictcp:"),
        (HLG, 10, "setparams=colorspace=bt2020nc,", "min=bt2020nc:"),
        (1, 8, "setparams=colorspace=bt709,", "in_color_matrix=bt709:"),
        (1, 10, "setparams=colorspace=bt709,", "in_color_matrix=bt2020:"),
        *((1, space, "setpts", "in_color_matrix=") for space in (0, 1, 2, 4, 5, 6, 7, 9)),
    ],
)
def test_a_matrix_that_swscale_has_not_goes_by_another_name(transfer: int, space: int, first: str, matrix: str) -> None:
    graph = filters(clip_of(video(frame=frame(transfer=transfer, space=space))))
    assert graph.partition("]")[2].startswith(first)
    assert matrix in graph


WITHOUT_MATRIX = ("gbrp", "rgb24", "bgr24", "argb", "abgr", "pal8")
COLOURS = {
    "tagged BT.601": ({"space": 6}, "in_color_matrix=bt601:"),
    "untagged, as tall as television": ({"space": 2, "width": 720, "height": 576}, "in_color_matrix=bt601:"),
    "untagged, taller than television": ({"space": 2, "width": 578, "height": 577}, "in_color_matrix=bt709:"),
    **{f"{name} has no matrix": ({"pixel_format": name}, "in_color_matrix=auto:") for name in WITHOUT_MATRIX},
    "untagged and small": ({"space": 2, "width": 640, "height": 480}, "in_color_matrix=bt601:"),
    "untagged and large": ({"space": 2}, "in_color_matrix=bt709:"),
    "full range": ({"range": 2}, "in_range=pc:out_range=tv"),
    "full range by its format": ({"range": 0, "pixel_format": "yuvj420p"}, "in_range=pc:out_range=tv"),
}


@pytest.mark.parametrize(("changes", "part"), COLOURS.values(), ids=COLOURS)
def test_colours_come_from_what_the_frame_says(changes: dict[str, int | str], part: str) -> None:
    assert part in filters(clip_of(video(frame=frame(**changes))))


@pytest.mark.parametrize(
    ("layout", "channels", "mix"),
    [
        ("mono", 1, "pan=stereo|c0=c0|c1=c0,"),
        ("stereo", 2, ""),
        ("5.1(side)", 6, ""),
        ("ambisonic 1", 4, "pan=stereo|c0=c0|c1=c1,"),
        ("16 channels", 16, "pan=stereo|c0=c0|c1=c1,"),
        ("", 1, "pan=stereo|c0=c0|c1=c0,"),
    ],
)
def test_every_number_of_channels_becomes_two(layout: str, channels: int, mix: str) -> None:
    sound = audio(1)
    odd = Stream(**{**vars(sound), "layout": layout, "channels": channels})
    assert f"/TB,{mix}aresample=" in filters(clip_of(video(), odd))


@pytest.mark.parametrize(
    ("layout", "channels", "limited"),
    [("mono", 1, False), ("stereo", 2, False), ("3.0", 3, True), ("7.1", 8, True), ("ambisonic 1", 4, False)],
)
def test_channels_that_are_mixed_do_not_clip(layout: str, channels: int, *, limited: bool) -> None:
    clip = clip_of(video(), audio(layout=layout, channels=channels))
    limiter = "aformat=channel_layouts=stereo,alimiter=limit=0.89:level=0:latency=1,atrim=end=30[sound]"
    assert (limiter in filters(clip)) is limited
    assert limiter in filters(replace(clip, sound_changes=True))


def test_sixty_a_second_are_moved_by_half_of_their_distance() -> None:
    fast = paced(1 / 60, 0.017, first_s=10.0, end_s=11.0, last_s=10.98)
    assert "[0:0]setpts=PTS-(9.991667)/TB,fps=30/1:start_time=0,trim=end_frame=900," in filters(clip_of(fast))


def test_a_last_slide_that_stands_briefly_keeps_its_place() -> None:
    assert "fps=1/1:start_time=0:eof_action=pass," in filters(clip_of(paced(1.0, 1.0, last_s=3.0, end_s=3.1)))


def test_a_still_picture_at_the_end_is_held_as_long_as_it_stands() -> None:
    assert "fps=30/1:start_time=0,tpad=stop_mode=clone:stop=120,trim=end_frame=150," in filters(
        clip_of(video(end_s=5.0))
    )


@pytest.mark.parametrize(("rate", "most"), [("30", 900), ("30000/1001", 899), ("24000/1001", 719), ("1", 30)])
def test_the_last_frame_ends_by_half_a_minute(rate: str, most: int) -> None:
    interval_s = float(1 / Fraction(rate))
    clip = clip_of(paced(interval_s, interval_s, last_s=0.0, end_s=interval_s))
    assert f",trim=end_frame={most}," in filters(clip)


def test_a_clip_that_changes_gets_a_size_and_bars_frame_by_frame() -> None:
    clip = replace(clip_of(video(frame=frame(matrix=(0, 1, -1, 0))), audio()), picture_changes=True)
    command = build(FILES, clip, Limits())
    assert command[command.index("-reinit_filter:v") + 1] == "0"
    assert "/out/sound.nut" not in command
    chain = filters(clip)
    each = (
        "scale=w='max(2,2*round(min(720,1280*(iw*1.000000/ih))/2))':h='max(2,2*round(min(1280,720/(iw*1.000000/ih))/2))'"
        ":eval=frame:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:in_range=tv:out_range=tv"
    )
    assert f"{each},pad=720:1280:(ow-iw)/2:(oh-ih)/2:color=black:eval=frame,format=yuv420p,transpose=clock," in chain
    assert chain.endswith(SOUND)


def test_of_a_sound_that_changes_the_steady_one_is_taken() -> None:
    clip = replace(clip_of(video(), audio()), sound_changes=True)
    command = build(FILES, clip, Limits())
    assert "-reinit_filter:v" not in command
    assert command[command.index("/out/sound.nut") - 3 :][:3] == ["-f", "nut", "-i"]
    assert "[2:0]asetpts=PTS-(5)/TB,aresample=48000:async=1:first_pts=0," in filters(clip)
    assert filters(clip).startswith(f"{TIMING}{SCALE},")


def test_fields_of_several_sizes_are_not_woven() -> None:
    clip = clip_of(video(frame=frame(interlaced=True)), audio())
    assert "bwdif" in filters(clip)
    assert "bwdif" in filters(replace(clip, sound_changes=True))
    assert "bwdif" not in filters(replace(clip, picture_changes=True))


def test_the_steady_sound_is_made_of_the_clip_s_part_alone() -> None:
    clip = clip_of(video(), audio())
    command = build_steady_sound(FILES, clip, audio(), Limits(), 0.0)
    as_loud = "aformat=sample_fmts=fltp,volume='if(eq(nb_channels,1),sqrt(2),1)'"
    assert command[command.index("-map") :] == [
        *("-map", "0:1", "-vn", "-af"),
        f"atrim=start=-1.000000:end=31.000000,asetpts=PTS-(-5.000000)/TB,{as_loud},aresample=48000",
        *("-ac", "2", "-c:a", "pcm_f32le", "-f", "nut", "/out/sound.nut"),
    ]

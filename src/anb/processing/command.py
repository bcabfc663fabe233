"""The one FFmpeg command that makes the house format, as a value. Pure: it runs nothing."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from anb.processing.house_format import HEIGHT, LONGEST_S, SAMPLE_RATE, WIDTH
from anb.processing.limits import Limits
from anb.processing.picture import picture_filters, understood
from anb.processing.probe import Stream
from anb.processing.streams import Clip, most_frames

PRESET = "veryfast"
CRF = 23
MARGIN = 24
POSTER_EVERY = 15
# Every half second of the first six: FFmpeg reports no progress before the poster is chosen.
POSTER_OF = 12
READ_AHEAD_S = 2


@dataclass(frozen=True)
class Files:
    ffmpeg: Path
    source: Path
    demuxer: str
    watermark: Path
    video: Path
    poster: Path
    reading: tuple[str, ...]
    """Options of the demuxer."""
    steady_sound: Path
    """Made first where the sound changes on the way, see `build_steady_sound`."""


def build(files: Files, clip: Clip, limits: Limits, *, starts_before_s: float = 0.0) -> list[str]:
    """`starts_before_s`: how long after the file's first timestamp, whichever stream has it, the clip starts."""
    sound = ["-map", "[sound]", *_sound_encoder()] if clip.audio else []
    return [
        str(files.ffmpeg),
        *_manners(),
        # Where frames change FFmpeg would build all filters anew, and `fps` would begin once more at zero.
        *(("-reinit_filter:v", "0") if clip.picture_changes else ()),
        *_source(files, limits, starts_before_s),
        *("-f", "png_pipe", "-i", str(files.watermark)),
        *(("-f", "nut", "-i", str(files.steady_sound)) if clip.sound_changes and clip.audio else ()),
        *("-filter_complex", filters(clip)),
        *("-map", "[video]", *_video_encoder(clip.rate, limits), *sound, *_wrapping(), str(files.video)),
        *("-map", "[poster]", *_poster_encoder(), str(files.poster)),
    ]


def build_steady_sound(files: Files, clip: Clip, audio: Stream, limits: Limits, starts_before_s: float) -> list[str]:
    """The clip's sound as PCM of one layout, at its times: for a sound that changes FFmpeg builds the filters anew,
    and those of a PCM stream have nothing to forget.

    It begins a second early, at `_STEADY_AT_S`, for some containers have no time before zero.
    """
    times = f"atrim=start={clip.starts_s - 1:.6f}:end={clip.starts_s + LONGEST_S + 1:.6f}"
    shift = f"asetpts=PTS-({clip.starts_s - _STEADY_AT_S:.6f})/TB"
    return [
        str(files.ffmpeg),
        *_manners(),
        *_source(files, limits, starts_before_s),
        *("-map", f"0:{audio.index}", "-vn", "-af", f"{times},{shift},{_MONO_AS_LOUD},aresample={SAMPLE_RATE}"),
        # Not in whole numbers: in those FFmpeg takes 8 dB off all of a surround sound, for it cannot hold its peaks.
        *("-ac", "2", "-c:a", "pcm_f32le", "-f", "nut", str(files.steady_sound)),
    ]


_STEADY_AT_S = 5
_MONO_AS_LOUD = "aformat=sample_fmts=fltp,volume='if(eq(nb_channels,1),sqrt(2),1)'"
"""Which part has one channel is not known here, and `-ac 2` takes 3 dB off such a one."""


def build_one_clock(ffmpeg: Path, source: Path, demuxer: str, made: Path, limits: Limits) -> list[str]:
    """The first half minute's packets as MPEG-TS on one clock. Without `-copyts` FFmpeg moves what follows a leap to
    the end of what came before (doc/ffmpeg.texi: `-dts_delta_threshold`).

    Of the piece before, the last sound may come after the next one's first picture, and seems to leap on by the
    piece's length: FFmpeg's own 10 s would leave a hole of as much after a short piece."""
    return [
        str(ffmpeg),
        *_manners(),
        *("-dts_delta_threshold", "3"),
        # A program stream tells times only now and then.
        *("-fflags", "+genpts", *_only(source, demuxer, limits)),
        *("-map", "0:v", "-map", "0:a?", "-c", "copy", "-map_metadata", "-1"),
        *("-t", str(LONGEST_S + READ_AHEAD_S), "-f", "mpegts", str(made)),
    ]


def _manners() -> tuple[str, ...]:
    return (
        *("-hide_banner", "-nostdin", "-y"),
        # At the end "verbose" tells packets read and frames decoded: exit 0 alone proves nothing.
        *("-nostats", "-loglevel", "level+verbose"),
        # No header may claim a gigabyte at once.
        *("-max_alloc", "1000000000"),
        # How much of the picture may be lost is the witness's to say, and a sound of which most is lost fails nothing.
        *("-max_error_rate", "1"),
    )


def _source(files: Files, limits: Limits, starts_before_s: float) -> tuple[str, ...]:
    return (
        *("-progress", "pipe:1", "-stats_period", "0.5"),
        *("-filter_complex_threads", str(limits.threads)),
        # The source's own clock: the probe measured the clip's start on it.
        "-copyts",
        *("-threads", str(limits.threads), "-max_pixels", str(limits.max_pixels)),
        # All four numbers of the display matrix count: see picture.py.
        "-noautorotate",
        # Before -i it stops reading early, which is most of the work for a long source.
        *("-t", f"{LONGEST_S + READ_AHEAD_S + max(starts_before_s, 0.0):.3f}"),
        *files.reading,
        *_only(files.source, files.demuxer, limits),
    )


def _only(source: Path, demuxer: str, limits: Limits) -> tuple[str, ...]:
    """Forced to what the first bytes said; nothing but this file can be opened."""
    wall = ("-protocol_whitelist", "file", "-max_streams", str(limits.max_streams))
    return (*wall, "-f", demuxer, "-i", str(source))


def filters(clip: Clip) -> str:
    """The poster is taken from the finished picture, so the original is decoded once."""
    picture = ",".join((*understood(clip.frame), *_timing(clip), *_picture(clip)))
    rest = [
        f"[0:{clip.video.index}]{picture}[house]",
        # The branch of a single PNG ends at once; its last frame stays. Side data would carry the source's matrix,
        # captions and HDR notes into the output.
        f"[house][1:v]{_overlay()},sidedata=mode=delete,format=yuv420p,split[video][pick]",
        # `thumbnail` always gives a frame, also of a clip with only one. Newer versions let the JPEG's full range
        # spread to the video unless it is asked for here.
        f"[pick]select='not(mod(n,{POSTER_EVERY}))',thumbnail={POSTER_OF},{_jpeg_colours()}[poster]",
    ]
    return ";".join((*rest, *([_sound_filters(clip.audio, clip)] if clip.audio else [])))


def _picture(clip: Clip) -> tuple[str, ...]:
    return picture_filters(clip.video, clip.frame, changes=clip.picture_changes)


def _jpeg_colours() -> str:
    """A JPEG is BT.601 and full range, whoever shows it; without both names it comes out too dark."""
    return "scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=yuvj420p"


def _overlay() -> str:
    return f"overlay={WIDTH}-w-{MARGIN}:{HEIGHT}-h-{MARGIN}:eof_action=repeat:format=yuv420"


def _timing(clip: Clip) -> tuple[str, ...]:
    # It compares neighbours, which must be of one size.
    weaves = clip.frame.interlaced and not clip.picture_changes
    interlaced = ("bwdif=mode=send_frame:deint=interlaced",) if weaves else ()
    rate = _ratio(clip.rate)
    return (
        *interlaced,
        f"setpts=PTS-({clip.starts_s - clip.nudge_s:.6f})/TB",
        # `start_time=0` repeats the first frame of a late picture from the start; before scaling, to scale fewer.
        f"fps={rate}:start_time=0{':eof_action=pass' if clip.ends_briefly else ''}",
        *((f"tpad=stop_mode=clone:stop={clip.held}",) if clip.held else ()),
        # Counted, for `end` would be rounded to a frame. Of a held end too: what `tpad` adds in FFmpeg 5.1, newer
        # versions of `fps` have added already.
        f"trim=end_frame={clip.frames if clip.held else most_frames(clip.rate)}",
    )


def _sound_filters(audio: Stream, clip: Clip) -> str:
    source = f"[0:{audio.index}]asetpts=PTS-({clip.starts_s:.6f})/TB,{_downmix(audio)}"
    if clip.sound_changes:
        source = f"[2:0]asetpts=PTS-({_STEADY_AT_S})/TB,"
    return (
        source +
        # Silence before late sound and in its gaps, a cut before early sound; never stretched.
        f"aresample={SAMPLE_RATE}:async=1:first_pts=0,aformat=channel_layouts=stereo,{_loud(audio, clip)}"
        f"atrim=end={LONGEST_S}[sound]"
    )


_MIXABLE = frozenset(
    (
        *("mono", "stereo", "downmix", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "4.1"),
        *("5.0", "5.0(side)", "5.1", "5.1(side)", "6.0", "6.1", "6.1(back)", "7.0", "7.1", "7.1(wide)"),
    )
)


def _downmix(audio: Stream) -> str:
    """What has no mixing rule (ambisonics, unnamed channels) gives its first two channels. One channel goes to both as
    loud as it is, for a phone's voice: FFmpeg's own rule takes 3 dB off."""
    if audio.channels == 1:
        return "pan=stereo|c0=c0|c1=c0,"
    return "" if audio.layout in _MIXABLE else "pan=stereo|c0=c0|c1=c1,"


def _loud(audio: Stream, clip: Clip) -> str:
    """Five channels that sound at once add up to more than there is room for, and would clip. Only such moments are
    held down: `rematrix_maxval=1` would take 8 dB off all. Any part of a sound that changes may have so many."""
    mixed = clip.sound_changes or (audio.channels > 2 and audio.layout in _MIXABLE)
    return "alimiter=limit=0.89:level=0:latency=1," if mixed else ""


def _video_encoder(rate: Fraction, limits: Limits) -> tuple[str, ...]:
    return (
        *("-c:v", "libx264", "-preset", PRESET, "-crf", str(CRF), "-threads", str(limits.threads)),
        # Noise must not make a clip that a poor phone cannot load: 30 s stay under 15 MB.
        *("-maxrate", "4M", "-bufsize", "8M", "-profile:v", "high", "-level:v", "3.1"),
        # A key frame every two seconds: quick seeking.
        *("-pix_fmt", "yuv420p", "-g", str(max(round(2 * rate), 1))),
        *("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
        # The `fps` filter has timed the frames already. Captions hidden in the source's picture stay out.
        *("-fps_mode", "passthrough", "-a53cc", "0"),
    )


def _sound_encoder() -> tuple[str, ...]:
    return ("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", str(SAMPLE_RATE))


def _wrapping() -> tuple[str, ...]:
    """Nothing of the source's: no place, device, date, chapter, subtitle or data; nor the encoder's own mark."""
    return (
        # The encoder's name is set because the MP4 says one in any case, and this one is certainly not the source's.
        *("-map_metadata", "-1", "-metadata:s:v", "encoder=ANB", "-map_chapters", "-1"),
        *("-sn", "-dn", "-write_tmcd", "0"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        # Sound that starts after seconds of picture would overflow the default.
        *("-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mp4"),
    )


def _poster_encoder() -> tuple[str, ...]:
    return (
        *("-map_metadata", "-1", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-flags:v", "+bitexact"),
        # One file under its very name, not a numbered series.
        *("-f", "image2", "-update", "1"),
    )


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"

"""A clip such as a phone makes: stored on its side, shown upright by a matrix, longer than 30 s, telling its place."""

import math
from pathlib import Path

from anb.commands.demo_server import DemoError
from anb.processing.ffmpeg import Listener, find_ffmpeg, run_ffmpeg
from anb.processing.limits import Limits

_SECONDS = 34

# One frame each, repeated: drawn once, the clip takes some four seconds of two cores.
_COURT = (
    "color=c=0x1d3557:s=720x1280:r=30:d=0.04,"
    "drawbox=x=0:y=1060:w=720:h=220:c=0xc58b4e:t=fill,"
    "drawbox=x=80:y=1056:w=560:h=8:c=white:t=fill,"
    "drawbox=x=230:y=170:w=260:h=180:c=white:t=6,"
    "drawbox=x=310:y=350:w=100:h=8:c=0xe63946:t=fill,"
    f"loop=-1:1:0,trim=duration={_SECONDS}"
)
_SEAM = "lt(abs(X-60),4)+lt(abs(Y-60),4)"
_BALL = (
    "color=c=0xf77f00:s=120x120:r=30:d=0.04,format=rgba,"
    f"geq=r='r(X,Y)-60*({_SEAM})':g='g(X,Y)-60*({_SEAM})':b='b(X,Y)':a='255*lt(hypot(X-60,Y-60),58)',loop=-1:1:0"
)
_THUD = rf"aevalsrc=0.4*sin(2*PI*180*t)*exp(-18*mod(t\,0.8)):s=48000:d={_SECONDS}"
_BOUNCE = "overlay=x='60+540*abs(mod(t/3,2)-1)':y='940-720*(1-pow(2*mod(t/0.8,1)-1,2))':shortest=1"


def draw(target: Path) -> None:
    command = [
        *(str(find_ffmpeg()), "-nostdin", "-v", "error", "-y"),
        *("-f", "lavfi", "-i", _COURT, "-f", "lavfi", "-i", _BALL, "-f", "lavfi", "-i", _THUD),
        *("-filter_complex", f"[0][1]{_BOUNCE},transpose=cclock,format=yuv420p[v]", "-map", "[v]", "-map", "2:a"),
        *("-t", str(_SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-c:a", "aac"),
        *("-metadata", "location=+04.6097-074.0817/", "-metadata", "title=Ana, cancha de la 80", "-f", "mp4"),
        str(target.resolve()),
    ]
    ending = run_ffmpeg(command, Limits(wall_seconds=120), Listener(), read=[], workdir=target.resolve().parent)
    if ending.exit != 0:
        raise DemoError(f"FFmpeg could not draw the clip: {ending.last_words}")
    _show_turned(target, height=720)


def _show_turned(file: Path, height: int) -> None:
    """Write a quarter turn clockwise into the picture's track header (ISO/IEC 14496-12, 8.3): the first track here.

    FFmpeg has an option for it, but a different one in each version.
    """
    matrix = (0, 1, 0, -1, 0, 0, height, 0)
    data = bytearray(file.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    for place, number in enumerate(matrix):
        scale = 30 if place % 3 == 2 else 16  # the third column has two bits before its point, not sixteen
        data[at + 4 * place : at + 4 * place + 4] = int(math.ldexp(number, scale)).to_bytes(4, "big", signed=True)
    file.write_bytes(data)

"""What FFmpeg says while it works: how far it is, how much it decoded, how much of that was broken. Pure."""

import re

_READ = re.compile(r"Input stream #0:(\d+) \(video\): (\d+) packets read")
_DECODED = re.compile(r"; (\d+) frames decoded")
_FILTERS_BUILT = re.compile(r"\[(graph.0.in\S*.*?) @ \w+\] \[verbose\] ((w|tb):\d.*)")
_FAILED_PACKET = re.compile(r"Error (submitting packet to decoder|while decoding stream #|processing packet)")
_WHOSE = re.compile(r"#(\d+):(\d+)\b")


class Witness:
    """Listens to the log and to `-progress`. `damaged` counts frames patched up or lost, not lines of complaint."""

    def __init__(self, frames: float, video_index: int, hidden: int = 0, *, lost: int = 0, hears: bool = False) -> None:
        """`hidden`: packets that show nothing, as where a phone has trimmed a clip without coding it anew. `lost`:
        those of them that nobody can decode, for they lean on pictures that are not in the file. `hears`: there is a
        sound among what FFmpeg filters."""
        self._frames = max(frames, 1.0)
        self._video_index = video_index
        self._hidden = hidden
        self._lost = lost
        self._hears = hears
        self.percent = 0.0
        self.packets = 0
        self.decoded = 0
        self.damaged = 0
        # A size or a layout became another, so that FFmpeg built its filters anew: they forgot what time it is.
        self.picture_changes = False
        self.sound_changes = False
        self._built: dict[str, str] = {}

    def hear_progress(self, line: str) -> None:
        """By frames: with `-copyts` the time in `out_time_us` starts at the poster's, far below zero."""
        key, _, value = line.partition("=")
        if key == "frame" and value.strip().isdecimal():
            self.percent = max(self.percent, min(int(value) / self._frames * 100, 99.0))

    def hear_log(self, line: str) -> None:
        # One line a patched frame, from the decoders that patch; one line a lost packet, from FFmpeg for all others.
        if "concealing " in line or (_FAILED_PACKET.search(line) and self._is_of_the_picture(line)):
            self.damaged += 1
        built = _FILTERS_BUILT.search(line)
        if built:
            self._hear_filters(*built.groups())
        read = _READ.search(line)
        if read and int(read[1]) == self._video_index:
            self.packets = int(read[2])
            decoded = _DECODED.search(line)
            self.decoded = int(decoded[1]) if decoded else 0

    def _hear_filters(self, whose: str, like: str, kind: str) -> None:
        """FFmpeg builds the picture's and the sound's at once, whichever changed: the sound's line tells which, for it
        says all that can change of one, and the picture's does not."""
        before = self._built.get(whose)
        self._built[whose] = like
        if before is None:
            return
        if kind == "tb" and like != before:
            self.sound_changes = True
        elif kind == "tb" or not self._hears:
            self.picture_changes = True

    def _is_of_the_picture(self, line: str) -> bool:
        """A fine picture is not refused for its sound."""
        whose = _WHOSE.search(line)
        return "aac" not in line if whose is None else (int(whose[1]), int(whose[2])) == (0, self._video_index)

    @property
    def trustworthy(self) -> bool:
        """The rule for broken files: publish what is mostly whole.

        At least half of the packets that are shown must have become frames (two fields may make one), and at most a
        quarter of the frames may be patched. Encrypted or overwritten pictures are far beyond; a bad spot, or a cut
        end, far below.
        """
        shown = self.packets - self._hidden
        return (
            self.decoded > 0 and self.decoded * 2 >= shown and (self.damaged - self._lost) * 4 <= max(self.decoded, 8)
        )

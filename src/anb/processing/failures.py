"""Why a video could not be published. Pure. Their words stand in `messages.FAILURES`, under the same codes."""

from enum import StrEnum

Param = str | int | float

LOG_DETAIL_MAX = 2000


class FailureCode(StrEnum):
    NOT_A_VIDEO = "not_a_video"
    EMPTY_FILE = "empty_file"
    NO_PICTURE = "no_picture"
    ONLY_A_PICTURE = "only_a_picture"
    NO_FRAMES = "no_frames"
    CUT_OFF = "cut_off"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    UNSUPPORTED_CODEC = "unsupported_codec"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SMALL = "too_small"
    TOO_HEAVY = "too_heavy"
    TOO_MANY_TRACKS = "too_many_tracks"
    NOT_HOUSE_FORMAT = "not_house_format"
    TOOK_TOO_LONG = "took_too_long"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    DISK_FULL = "disk_full"
    ENGINE_MISSING = "engine_missing"
    SOURCE_MISSING = "source_missing"
    INTERNAL = "internal"

    @property
    def permanent(self) -> bool:
        """Another attempt would end the same way."""
        return self not in _TRANSIENT


# What the machine may have done, not the file. The limits on CPU time, memory and output count only what this one
# file costs, so passing them is the file's own doing (`TOO_HEAVY`); the wall clock also counts a busy machine. A crash
# of the decoder is mostly the file's, but memory pressure looks the same, and attempts are few.
_TRANSIENT = frozenset(
    (
        FailureCode.TOOK_TOO_LONG,
        FailureCode.INTERRUPTED,
        FailureCode.CRASHED,
        FailureCode.DISK_FULL,
        FailureCode.ENGINE_MISSING,
        FailureCode.SOURCE_MISSING,
        FailureCode.INTERNAL,
    )
)


class ProcessingFailed(Exception):  # noqa: N818  # reads as what happened: "processing failed"
    """`log_detail` is the technical reason, bounded, for logs; a player never sees it."""

    def __init__(self, code: FailureCode, *, log_detail: str = "", **params: Param) -> None:
        self.code = code
        self.params: dict[str, Param] = params
        self.log_detail = log_detail[-LOG_DETAIL_MAX:]
        super().__init__(f"{code}: {self.log_detail}" if log_detail else str(code))

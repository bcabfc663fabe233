"""One original in, the house format out, or a reason why not."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from anb.processing.command import Files, build, build_one_clock, build_steady_sound
from anb.processing.cut_off import lacks_its_end, told_from_damage
from anb.processing.ending import Ending, blame, lacks_decoder
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.ffmpeg import Listener, find_ffmpeg, run_ffmpeg
from anb.processing.file_probe import identify, index_comes_first, probe_file
from anb.processing.house_format import Facts, breaches
from anb.processing.inspection import examine
from anb.processing.limits import NO_RULES, Limits, Rules
from anb.processing.measure import measure
from anb.processing.notices import Notice, notices
from anb.processing.probe import Probe, Stream
from anb.processing.streams import Clip, begins_anew, is_joined, keeps_tracks
from anb.processing.witness import Witness
from anb.videos.sniff import Container

log = structlog.get_logger(__name__)

WATERMARK = Path(__file__).parent / "assets" / "watermark.png"


@dataclass(frozen=True)
class Converted:
    video: Path
    poster: Path
    facts: Facts
    notices: tuple[Notice, ...]


def convert(
    source: Path,
    workdir: Path,
    limits: Limits,
    rules: Rules = NO_RULES,
    *,
    on_progress: Callable[[float], None],
) -> Converted:
    """The caller owns `workdir` and removes it, also when this fails.

    `on_progress` comes at least once a second while FFmpeg runs, and before each probe; what it raises ends the work
    and passes through.
    """
    container = identify(source)
    on_progress(0.0)
    seen, only_first = None, False
    if container in _JOINABLE:
        seen = probe_file(source, container, limits)
        only_first = begins_anew(seen)
        if is_joined(seen):
            made = _on_one_clock(source, container, workdir, limits, on_progress)
            copied = _seen_again(made, limits) if made else None
            only_first = copied is None or not keeps_tracks(seen, copied, rules)
            log.info("clip_is_joined", only_first=only_first)
            if made and not only_first:
                source, container, seen = made, Container.MPEG_TS, copied
        on_progress(0.0)
    probe, clip = examine(source, container, limits, rules, seen)
    if clip.dropped_audio:
        log.warning("sound_left_out", codec=clip.dropped_audio)
    files = Files(
        ffmpeg=find_ffmpeg(),
        source=source.resolve(),
        demuxer=container.demuxer,
        reading=probe.reading,
        watermark=WATERMARK,
        video=workdir.resolve() / "house.mp4",
        poster=workdir.resolve() / "poster.jpg",
        steady_sound=workdir.resolve() / "sound.nut",
    )
    with told_from_damage(source, container):
        facts = _Kitchen(files, limits, clip.starts_s - probe.start_s, on_progress).make(clip)
    on_progress(100.0)
    had_sound = clip.audio is not None or clip.dropped_audio is not None
    ends_early = lacks_its_end(source, container, there_s=facts.picture_s, declared_s=probe.declared_s)
    said = notices(facts, had_sound=had_sound, ends_early=ends_early, only_first=only_first)
    return Converted(files.video, files.poster, facts, said)


_JOINABLE = frozenset({Container.MPEG_TS, Container.MPEG_PS})
"""One file behind another is a file again, and players play it through."""


def _on_one_clock(
    source: Path, container: Container, workdir: Path, limits: Limits, on_progress: Callable[[float], None]
) -> Path | None:
    """None where FFmpeg cannot do it: then the first piece is the clip."""
    on_progress(0.0)
    made = workdir.resolve() / "one-clock.ts"
    command = build_one_clock(find_ffmpeg(), source.resolve(), container.demuxer, made, limits)
    ending = _run(command, limits, Listener(on_tick=lambda: on_progress(0.0)), source, made.parent)
    on_progress(0.0)
    code = blame(ending, limits)
    if code is not None and not code.permanent:
        raise ProcessingFailed(code, log_detail=ending.last_words)
    return made if code is None else None


def _seen_again(made: Path, limits: Limits) -> Probe | None:
    """None where nobody can read what FFmpeg made."""
    try:
        return probe_file(made, Container.MPEG_TS, limits)
    except ProcessingFailed as failure:
        if not failure.code.permanent:
            raise
        return None


def _run(command: Sequence[str], limits: Limits, listener: Listener, source: Path, workdir: Path) -> Ending:
    # Resolved, for the tool works in another folder.
    ending = run_ffmpeg(command, limits, listener, read=[source.resolve(), WATERMARK], workdir=workdir)
    if ending.exit != 0 and not source.exists():
        # Moved to another storage, or deleted, since the probe: nothing that FFmpeg says is about the video.
        raise FileNotFoundError(errno.ENOENT, "vanished while it was converted", str(source))
    return ending


class _SoundError(Exception):
    """The picture may be fine, but the sound that the probe could decode is too much for FFmpeg: leave it out."""


def _sound_error(code: FailureCode, ending: Ending, reason: str) -> Exception:
    """What the machine did is no reason to publish a clip silent for good: that is tried again, with its sound."""
    return _SoundError(reason) if code.permanent else ProcessingFailed(code, log_detail=ending.last_words)


class _ChangesError(Exception):
    """What FFmpeg makes in the ordinary way of a clip that changes is worth nothing. `clip` says what does."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip


@dataclass(frozen=True)
class _Kitchen:
    files: Files
    limits: Limits
    starts_before_s: float
    on_progress: Callable[[float], None]

    def make(self, clip: Clip) -> Facts:
        """In the ordinary way; where that shows a sound or a change that it cannot cope with, once more without."""
        try:
            if clip.sound_changes and clip.audio:
                self._steady(clip, clip.audio)
            self._make(clip)
            self.on_progress(100.0)
            return _verified(self.files, clip, self.limits)
        except _SoundError as error:
            log.warning("sound_left_out", reason=str(error))
            return self.make(replace(clip, audio=None))
        except _ChangesError as error:
            changes = error.clip
            log.info("clip_changes", picture=changes.picture_changes, sound=changes.sound_changes)
            return self.make(changes)

    def _steady(self, clip: Clip, audio: Stream) -> None:
        command = build_steady_sound(self.files, clip, audio, self.limits, self.starts_before_s)
        ending = self._run(command, Listener(on_tick=lambda: self.on_progress(0.0)))
        code = blame(ending, self.limits)
        if code is not None:
            raise _sound_error(code, ending, "it changes, and cannot be made steady")

    def _make(self, clip: Clip) -> None:
        video = clip.video
        lost = video.hidden if video.begins_amid else 0
        frames = clip.expected_s * float(clip.rate)
        witness = Witness(frames, video.index, video.hidden, lost=lost, hears=clip.audio is not None)

        def tick() -> None:
            seen = replace(
                clip,
                picture_changes=clip.picture_changes or witness.picture_changes,
                sound_changes=clip.sound_changes or witness.sound_changes,
            )
            if seen != clip:
                raise _ChangesError(seen)
            self.on_progress(witness.percent)

        command = build(self.files, clip, self.limits, starts_before_s=self.starts_before_s)
        ending = self._run(command, Listener(witness.hear_progress, witness.hear_log, tick))
        tick()
        code = blame(ending, self.limits)
        if code is not None:
            if clip.audio and lacks_decoder(ending, clip.audio.index):
                raise _sound_error(code, ending, ending.last_words)
            raise ProcessingFailed(code, log_detail=ending.last_words)
        if not witness.trustworthy:
            counts = f"{witness.packets} packets, {witness.decoded} decoded, {witness.damaged} damaged"
            raise ProcessingFailed(FailureCode.DAMAGED, log_detail=f"{counts}: {ending.last_words}")

    def _run(self, command: Sequence[str], listener: Listener) -> Ending:
        return _run(command, self.limits, listener, self.files.source, self.files.video.parent)


SHORTFALL = 0.5
"""The picture may come out this much shorter than its packets promise; below, something ate it."""


def _verified(files: Files, clip: Clip, limits: Limits) -> Facts:
    """Exit 0 proves nothing: the result is looked at like any stranger's file."""
    if not _is_jpeg(files.poster):
        # Not one frame came as far as that, though the decoder was content.
        raise ProcessingFailed(FailureCode.DAMAGED, log_detail="no poster was made")
    facts = _result_facts(files.video, limits)
    if clip.audio and not facts.has_audio:
        raise _SoundError("it vanished on the way")
    broken = breaches(facts)
    if broken:
        raise ProcessingFailed(FailureCode.NOT_HOUSE_FORMAT, log_detail="; ".join(broken))
    # Neither a picture held at the end nor a sound that goes on is a proof that what came before was seen.
    held_s = clip.held / float(clip.rate)
    if facts.picture_s - held_s < (clip.expected_s - held_s) * SHORTFALL:
        lasts = f"it lasts {facts.picture_s:.2f} of {clip.expected_s:.2f} s"
        raise ProcessingFailed(FailureCode.DAMAGED, log_detail=lasts)
    return facts


def _result_facts(video: Path, limits: Limits) -> Facts:
    """That the result is "damaged" or "empty" would say to a player that the original is."""
    try:
        return house_facts(video, limits)
    except ProcessingFailed as failure:
        if not failure.code.permanent:
            raise
        raise ProcessingFailed(FailureCode.NOT_HOUSE_FORMAT, log_detail=f"the result: {failure}") from failure
    except FileNotFoundError as error:
        raise ProcessingFailed(FailureCode.NOT_HOUSE_FORMAT, log_detail="there is no result") from error


def _is_jpeg(file: Path) -> bool:
    if not file.exists():
        return False
    with file.open("rb") as poster:
        return poster.read(3) == b"\xff\xd8\xff"


def house_facts(file: Path, limits: Limits) -> Facts:
    container = identify(file)
    probe, clip = examine(file, container, limits, NO_RULES)
    return measure(probe, clip.video, container=container.value, faststart=index_comes_first(file))

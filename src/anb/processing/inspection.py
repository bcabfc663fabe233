"""What a file is, whether it may be uploaded, whether it keeps the house format, and why not; for people who ask."""

from dataclasses import dataclass
from pathlib import Path

from anb.processing.cut_off import ends_early, lacks_its_end, told_from_damage
from anb.processing.failures import FailureCode, Param, ProcessingFailed
from anb.processing.file_probe import identify, index_comes_first, probe_file, says_encrypted
from anb.processing.house_format import LONGEST_S, Facts, breaches
from anb.processing.limits import NO_RULES, Limits, Rules
from anb.processing.measure import measure
from anb.processing.probe import Probe
from anb.processing.streams import Clip, choose
from anb.videos.sniff import Container


@dataclass(frozen=True)
class Inspection:
    """`looks_like` is a container's name or what else the file seems to be. `breaches` are English sentences."""

    looks_like: str
    refusal: FailureCode | None
    refusal_params: dict[str, Param]
    facts: Facts | None
    breaches: tuple[str, ...]
    breaks_off: bool
    """What there is may be uploaded, but the clip ends earlier than it was meant to: its player would hear of it."""

    @property
    def keeps_house_format(self) -> bool:
        return self.facts is not None and not self.breaches


def inspect(path: Path, limits: Limits, rules: Rules = NO_RULES) -> Inspection:
    looks_like = "unknown"
    try:
        container = identify(path)
        looks_like = container.value
        probe, clip = examine(path, container, limits, rules)
    except ProcessingFailed as failure:
        if failure.code is FailureCode.NOT_A_VIDEO:
            looks_like = str(failure.params["looks_like"])
        return Inspection(looks_like, failure.code, failure.params, None, (), breaks_off=False)
    facts = measure(probe, clip.video, container=looks_like, faststart=index_comes_first(path))
    breaks_off = lacks_its_end(path, container, there_s=clip.expected_s, declared_s=probe.declared_s)
    return Inspection(looks_like, None, {}, facts, breaches(facts), breaks_off=breaks_off)


def examine(
    path: Path, container: Container, limits: Limits, rules: Rules, seen: Probe | None = None
) -> tuple[Probe, Clip]:
    """All that can refuse a file before FFmpeg works on it. `seen`: its probe, where there was one already."""
    with told_from_damage(path, container):
        probe = seen or probe_file(path, container, limits)
        if container.demuxer == "mov" and says_encrypted(path):
            raise ProcessingFailed(FailureCode.ENCRYPTED)
        clip = choose(probe, limits, rules)
    declared_s = min(probe.declared_s or 0.0, LONGEST_S)
    if clip.expected_s * 2 < declared_s and ends_early(path, container):
        there = f"{clip.expected_s:.1f} of {declared_s:.1f} s are there"
        raise ProcessingFailed(FailureCode.CUT_OFF, log_detail=there)
    return probe, clip

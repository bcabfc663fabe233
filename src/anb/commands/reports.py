"""What commands found, as JSON for programs and as text for people."""

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from anb.commands.doctor_checks import Finding
from anb.messages import FAILURES, PROBLEMS
from anb.processing.failures import ProcessingFailed
from anb.processing.house_format import Facts
from anb.processing.inspection import Inspection
from anb.videos.upload_policy import megabytes
from anb.voting.recount import Difference

Report = dict[str, Any]


def key_facts(facts: Facts) -> Report:
    return {
        "duration_s": round(facts.duration_s, 2),
        "width": facts.width,
        "height": facts.height,
        "video_codec": facts.video_codec,
        "fps": round(facts.fps, 3),
        "faststart": facts.faststart,
    }


def failure_as_json(failure: ProcessingFailed) -> Report:
    detail = FAILURES[failure.code].render("en", failure.params)
    return {"code": failure.code.value, "detail": detail, "technical": failure.log_detail}


def inspection_as_json(seen: Inspection, size: int, max_upload_bytes: int) -> Report:
    refusal = _refusal(seen, size, max_upload_bytes)
    return {
        "looks_like": seen.looks_like,
        "size_bytes": size,
        "may_be_uploaded": refusal is None,
        "refusal": refusal,
        "breaks_off": seen.breaks_off,
        "keeps_house_format": seen.keeps_house_format,
        "breaches": list(seen.breaches),
        "facts": _plain(seen.facts) if seen.facts else None,
    }


def _refusal(seen: Inspection, size: int, max_upload_bytes: int) -> dict[str, str] | None:
    if seen.refusal is not None:
        return {"code": seen.refusal.value, "detail": FAILURES[seen.refusal].render("en", seen.refusal_params)}
    if size > max_upload_bytes:
        text = PROBLEMS["video_too_large"].render("en", {"max_mb": megabytes(max_upload_bytes)})
        return {"code": "video_too_large", "detail": text}
    return None


def _plain(facts: Facts) -> Report:
    """As JSON has words for it: fractions as text, sets as sorted lists. `picture_s` is ours to judge by."""
    return {name: _plain_value(value) for name, value in asdict(facts).items() if name != "picture_s"}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return round(value, 3) if isinstance(value, float) else value


def inspection_as_text(report: Report) -> str:
    lines = [f"It is: {report['looks_like']}{_facts_in_words(report['facts'])}, {report['size_bytes'] / 2**20:.1f} MB"]
    refusal = report["refusal"]
    lines.append(f"May be uploaded: {'no. ' + refusal['detail'] if refusal else 'yes'}")
    if report["breaks_off"]:
        lines.append("It breaks off: it is longer by its own account. What there is can be used.")
    lines.append(f"Keeps the house format: {'yes' if report['keeps_house_format'] else 'no'}")
    return "\n".join([*lines, *(f"  - {breach}" for breach in report["breaches"])])


def _facts_in_words(facts: Report | None) -> str:
    if facts is None:
        return ""
    picture = f"{facts['video_codec']} {facts['width']}x{facts['height']}, {facts['fps']:g} fps"
    sound = f"sound {facts['audio_codec']}" if facts["has_audio"] else "no sound"
    return f", {picture}, {facts['duration_s']:.1f} s, {sound}"


def differences_as_json(differences: Sequence[Difference], *, repaired: bool) -> Report:
    listed = [{"kind": one.kind, "id": str(one.id), "total": one.total, "votes": one.rows} for one in differences]
    return {"agrees": not listed, "repaired": repaired and bool(listed), "differences": listed}


def differences_as_text(report: Report) -> str:
    if report["agrees"]:
        return "All totals agree with the votes."
    done = "was, and is now" if report["repaired"] else "is, but should be"
    return "\n".join(
        f"{one['kind']} {one['id']}: {one['total']} {done} {one['votes']}" for one in report["differences"]
    )


def findings_as_json(findings: Sequence[Finding]) -> Report:
    return {
        "ok": all(finding.state != "fail" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def findings_as_text(report: Report) -> str:
    lines = []
    for finding in report["findings"]:
        lines.append(f"{finding['state']:<5} {finding['part']:<15} {finding['detail']}")
        if finding["advice"]:
            lines.append(f"{'':<21} -> {finding['advice']}")
    return "\n".join(lines)

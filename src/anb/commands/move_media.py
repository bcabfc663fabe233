"""`anb storage move`: what it refuses, what it does, and what the operator has to do next."""

from pathlib import Path
from typing import Any

import structlog

from anb.db import Database
from anb.moving.journal import BusyJournalError, Journal
from anb.moving.media import Move, Outcome, are_one_place
from anb.settings import Settings, media_place
from anb.storage import make_folders, open_at

log = structlog.get_logger(__name__)

_NAMED_AT_MOST = 20


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The call cannot be meant so; the message says why."""


def move(
    settings: Settings, database: Database, source: str, target: str, *, delete_source: bool
) -> tuple[dict[str, Any], str]:
    """Returns the report for programs and its text for people."""
    source, target = _place("--from", source), _place("--to", target)
    _check(settings, source, target, delete_source=delete_source)
    make_folders(target)
    from_storage, to_storage = open_at(source, settings), open_at(target, settings)
    if are_one_place(from_storage, to_storage):
        raise Refused(
            "--from and --to are the same place by two names (a link, a mount, another spelling): what is written into"
            " one is found in the other, so that deleting would delete the only copy"
        )
    try:
        with Journal.open(settings.data_dir, source, target) as journal:
            work = Move(
                database,
                from_storage,
                to_storage,
                journal,
                settings.scratch / journal.name,
                lambda so_far: log.info("moving", copied=so_far.copied, bytes=so_far.copied_bytes),
            )
            outcome = work.run()
            if delete_source and outcome.complete:
                work.delete_source(outcome)
    except BusyJournalError:
        raise Refused("another `anb storage move` between these two is running") from None
    steps = next_steps(settings, source, target, outcome)
    return _as_json(source, target, outcome, steps), _as_text(outcome, steps)


def _place(flag: str, text: str) -> str:
    try:
        return media_place(text)
    except ValueError as error:
        raise Refused(f"{flag}: {error}") from None


def _check(settings: Settings, source: str, target: str, *, delete_source: bool) -> None:
    if source == target:
        raise Refused("--from and --to are the same place")
    if not source.startswith("s3://") and not Path(source).is_dir():
        raise Refused(f"--from: no such folder: {source}")
    if source not in {settings.media, settings.media_fallback}:
        raise Refused(
            f"--from: {source} is neither MEDIA_ROOT ({settings.media}) nor ANB_MEDIA_FALLBACK"
            f" ({settings.media_fallback or 'not set'}): mistyped, or has this shell not the application's settings?"
        )
    if delete_source and settings.media != target:
        raise Refused(f"--delete-source only after the switch: MEDIA_ROOT is {settings.media}, not yet {target}")


def next_steps(settings: Settings, source: str, target: str, outcome: Outcome) -> list[str]:
    """By what this process's own settings say; the operator runs it with those of the application."""
    again = f"anb storage move --from {source} --to {target}"
    if not outcome.complete:
        return [f"Mend what is named above, or wait for uploads to ease, and repeat: {again}"]
    if outcome.deleted or (settings.media == target and not settings.media_fallback):
        return [
            *_nginx(target),
            f"Unset ANB_MEDIA_FALLBACK for every process and restart each. The move is over{_kept_still(settings)}.",
        ]
    if settings.media == target:
        return [
            "Make sure that every process was restarted with the settings that this one has.",
            *_nginx(target),
            f"Then delete what is verified: {again} --delete-source",
        ]
    if settings.media_fallback == target:
        return [
            f"Set MEDIA_ROOT={target} and ANB_MEDIA_FALLBACK={source} for every process"
            + _kept_beside(settings, source),
            "Restart each, one after the other.",
            f"Then, with the new settings: {again}",
        ]
    rest = f"leave MEDIA_ROOT={source}" + (", unset ANB_ACCEL_PREFIX" if settings.accel_prefix else "")
    return [
        f"Set ANB_MEDIA_FALLBACK={target} for every process, {rest}, and restart each in turn.",
        f"Then, with the new settings: {again}",
    ]


def _nginx(target: str) -> list[str]:
    """It may serve files by itself, from the place that its own configuration names."""
    if target.startswith("s3://"):
        return []
    return [f"Where nginx serves the media: its ANB_MEDIA is {target} now; reload it (docs/howto/move-the-media.md)."]


def _kept_beside(settings: Settings, source: str) -> str:
    """Uploads that are under way lie beside the media by default, and must not move with the setting."""
    if source.startswith("s3://") or settings.staging_dir:
        return "."
    return f", and ANB_STAGING_DIR={settings.staging}, so that resumable uploads under way go on."


def _kept_still(settings: Settings) -> str:
    if settings.staging_dir is None or settings.stages_beside_media or not settings.media_fallback:
        return ""
    return f", but for ANB_STAGING_DIR={settings.staging}: before that folder goes, unset it too, once it is empty"


def _as_json(source: str, target: str, outcome: Outcome, steps: list[str]) -> dict[str, Any]:
    return {
        "from": source,
        "to": target,
        "complete": outcome.complete,
        "copied": outcome.copied,
        "copied_bytes": outcome.copied_bytes,
        "in_target": outcome.in_target,
        "missing": outcome.missing,
        "damaged": outcome.damaged,
        "deleted_from_source": outcome.deleted,
        "next": steps,
    }


def _as_text(outcome: Outcome, steps: list[str]) -> str:
    lines = [f"Copied and verified: {outcome.copied} objects, {outcome.copied_bytes / 2**20:.1f} MB."]
    lines.append(f"In the target: {outcome.in_target} objects that rows name.")
    for word, keys in (("In neither place", outcome.missing), ("Damaged", outcome.damaged)):
        if keys:
            more = f" and {len(keys) - _NAMED_AT_MOST} more" if len(keys) > _NAMED_AT_MOST else ""
            lines.append(f"{word}: {', '.join(keys[:_NAMED_AT_MOST])}{more}")
    if not outcome.settled:
        lines.append("Uploads arrived faster than they could be copied.")
    if outcome.deleted:
        lines.append(f"Deleted from the source: {outcome.deleted} objects.")
    return "\n".join([*lines, "", "Next:", *(f"{number}. {step}" for number, step in enumerate(steps, 1))])

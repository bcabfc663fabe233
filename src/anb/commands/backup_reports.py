"""`anb backup` and `anb restore`: what they do with the settings, and what they tell."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anb.backups import check as checking
from anb.backups.check import Checked
from anb.backups.copy_in import Restored
from anb.backups.copy_in import restore as copy_in
from anb.backups.copy_out import Made, OnProgress, make
from anb.backups.finished import Backup, choose
from anb.backups.manifest import BackupError, Manifest
from anb.backups.place import open_place
from anb.commands.reports import differences_as_json
from anb.db import Database
from anb.installation import install_media
from anb.settings import Settings
from anb.storage import open_storage

Report = dict[str, Any]


def back_up(settings: Settings, database: Database, to: str, on_progress: OnProgress, *, verify: bool) -> Report:
    started = time.monotonic()
    _require_another_place(settings, to)
    made = make(database, open_storage(settings), open_place(to, settings), on_progress)
    report = _made_as_json(made) | {"elapsed_s": _since(started)}
    if verify:
        report |= {"verified": _checked_as_json(checking.check_backup(made.backup, on_progress))}
        report["whole"] = report["verified"]["whole"]
    return report


def _require_another_place(settings: Settings, to: str) -> None:
    """A backup inside of what it protects is lost with it, and is swept or served as if it were media."""
    if "://" in to:
        own = {"MEDIA_ROOT": settings.media}
        place = to.rstrip("/")
    else:
        own = {"MEDIA_ROOT": settings.media, "ANB_STAGING_DIR": str(settings.staging)}
        own |= {"ANB_DATA_DIR": str(settings.data_dir.resolve())} if settings.embedded else {}
        place = str(Path(to).resolve())
    for name, folder in own.items():
        if f"{place}/".startswith(f"{folder}/"):
            raise BackupError(f"{to} is inside of what is backed up ({name}, {folder}): name another disk or bucket.")


def restore(settings: Settings, database: Database, backup: Backup, on_progress: OnProgress, *, verify: bool) -> Report:
    started, started_at = time.monotonic(), datetime.now(UTC)
    install_media(settings, database)
    storage = open_storage(settings)
    restored = copy_in(backup, database, storage, on_progress)
    report = _restored_as_json(restored)
    report |= {
        "rto_s": _since(started),
        "rpo_s": round((started_at - restored.manifest.snapshot_at).total_seconds(), 1),
    }
    if verify:
        checked = checking.check_system(backup, database, storage, on_progress)
        report |= {"verified": _checked_as_json(checked), "whole": report["whole"] and checked.whole}
    return report


def check(backup: Backup, on_progress: OnProgress) -> Report:
    checked = checking.check_backup(backup, on_progress)
    return {"moment": backup.moment} | _contents(checked.manifest) | _checked_as_json(checked)


def find(settings: Settings, source: str, at: str | None) -> Backup:
    return choose(open_place(source, settings), at)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _contents(manifest: Manifest) -> Report:
    return {
        "snapshot_at": manifest.snapshot_at.isoformat(),
        "schema_revision": manifest.schema_revision,
        "rows": {name: part.count for name, part in manifest.tables.items()},
        "objects": manifest.files.count,
        "bytes": manifest.stored_bytes,
    }


def _made_as_json(made: Made) -> Report:
    manifest = made.manifest
    return {
        "moment": made.backup.moment,
        **_contents(manifest),
        "copied": made.copied,
        "reused": made.reused,
        "deleted_since": [str(video_id) for video_id in manifest.deleted_since],
        "missing": manifest.missing,
        "damaged": manifest.damaged,
        "whole": manifest.whole,
    }


def _restored_as_json(restored: Restored) -> Report:
    return {
        "moment": restored.backup.moment,
        **_contents(restored.manifest),
        "stored": restored.stored,
        "found": restored.found,
        "handed_back": restored.handed_back,
        "left_out": [str(video_id) for video_id in restored.manifest.deleted_since],
        "missing": restored.manifest.missing,
        "damaged": [*restored.manifest.damaged, *restored.damaged],
        "whole": restored.whole,
        "recount": differences_as_json(restored.differences, repaired=False),
    }


def _checked_as_json(checked: Checked) -> Report:
    told = asdict(checked)
    return {
        "objects_read": told["objects"],
        "missing": told["missing"],
        "damaged": told["damaged"],
        "recount": differences_as_json(checked.differences, repaired=False),
        "whole": checked.whole,
    }


def made_as_text(report: Report) -> str:
    lines = [
        f"Backup {report['moment']}: {_amount(report)}.",
        f"Copied: {_counted(report['copied'], 'files')}; there already: {report['reused']}; {report['elapsed_s']} s.",
        f"What was acknowledged before {report['snapshot_at']} is in it. SECRET_KEY is not: keep it elsewhere.",
    ]
    return "\n".join([*lines, *_trouble(report), *_verified(report)])


def restored_as_text(report: Report) -> str:
    lines = [
        f"Restored {report['moment']}: {_amount(report)}; handed to a worker again: {report['handed_back']}.",
        f"RTO {report['rto_s']} s: that is how long it took.",
        f"RPO {report['rpo_s']} s: what was acknowledged after {report['snapshot_at']} is not in it.",
    ]
    if not report["recount"]["agrees"]:
        lines.append("Some totals do not agree with the votes: see `anb recount --check`, then `anb recount --repair`.")
    return "\n".join([*lines, *_trouble(report), *_verified(report)])


def checked_as_text(report: Report) -> str:
    verdict = "could be restored, whole" if report["whole"] else "is not whole"
    lines = [f"Backup {report['moment']}: {_amount(report)}; it {verdict}."]
    if not report["recount"]["agrees"]:
        lines.append("Some totals do not agree with the votes.")
    return "\n".join([*lines, *_trouble(report)])


def _amount(report: Report) -> str:
    rows = ", ".join(_counted(count, name) for name, count in report["rows"].items())
    return f"{rows}, {_counted(report['objects'], 'files')} of {report['bytes'] / 2**20:.1f} MB"


def _counted(count: int, things: str) -> str:
    return f"{count} {things.removesuffix('s') if count == 1 else things}"


def _trouble(report: Report) -> list[str]:
    return [
        *(f"missing: {key}" for key in report["missing"]),
        *(f"damaged: {key}" for key in report["damaged"]),
    ]


def _verified(report: Report) -> list[str]:
    if "verified" not in report:
        return []
    told = report["verified"]
    if told["whole"]:
        return [f"Verified: {_counted(told['objects_read'], 'files')} read and right, all totals agree with the votes."]
    return ["Verified: NOT whole.", *_trouble(told)]

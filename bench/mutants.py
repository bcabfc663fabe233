"""Records what `mutmut run` found in the pure files, and fails below the goal."""

import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

GOAL_PERCENT = 90
STATS = Path("mutants/mutmut-cicd-stats.json")
RECORD = Path(__file__).parent / "results" / "mutants.md"


def main() -> int:
    stats: dict[str, int] = json.loads(STATS.read_text())
    killed, total = stats["killed"] + stats["timeout"], stats["total"]
    percent = 100 * killed / total
    RECORD.write_text(
        f"""# Mutants of the pure files

`make mutants`: mutmut {version("mutmut")} changes the rules one place at a time; only their own table tests run, with
no database and no FFmpeg (`[tool.mutmut]` in `pyproject.toml` names files and tests).

| date | mutants | killed | survived | not reached | killed % (goal {GOAL_PERCENT}) |
|---|---|---|---|---|---|
| {datetime.now(UTC):%Y-%m-%d} | {total} | {killed} | {stats["survived"]} | {stats["no_tests"]} | {percent:.1f} |
"""
    )
    print(f"{killed} of {total} mutants killed: {percent:.1f} % (goal {GOAL_PERCENT} %)")
    return 0 if percent >= GOAL_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())

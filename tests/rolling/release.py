"""The next release, made from this tree: one more step of the schema, a model that uses it, another version."""

import shutil
from pathlib import Path

from deployment.stack.configuration import REPOSITORY

from anb import __version__, migrations

NEXT = f"{__version__}+next"
ONCE = f"{__version__}+once"

_STEP = '''"""A column that the next release writes and the old one has never heard of"""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("videos", sa.Column("court", sa.String(length=50), nullable=True))
'''


def next_release(folder: Path) -> dict[str, str]:
    """The variables that make a process run it."""
    source = folder / "src"
    shutil.copytree(REPOSITORY / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    package = source / "anb"
    _replace(package / "__init__.py", f'"{__version__}"', f'"{NEXT}"')
    _replace(
        package / "videos" / "models.py",
        '    description: Mapped[str] = mapped_column(Text, default="")\n',
        '    description: Mapped[str] = mapped_column(Text, default="")\n'
        '    court: Mapped[str | None] = mapped_column(String(50), default="parquet")\n',
    )
    (package / "migrations" / "versions" / "9001_next.py").write_text(_STEP.format(head=migrations.head()))
    return {"PYTHONPATH": str(source)}


def broken_release(folder: Path) -> dict[str, str]:
    """One whose web processes do not start. Its schema is the old one, and its other commands work."""
    source = folder / "broken"
    shutil.copytree(REPOSITORY / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    with (source / "anb" / "api.py").open("a") as module:
        module.write('\n\ndef create_app() -> FastAPI:\n    raise RuntimeError("a release that does not start")\n')
    return {"PYTHONPATH": str(source)}


def release_that_starts_once(folder: Path) -> dict[str, str]:
    """One that serves beside the old one, and does not start in its place."""
    source = folder / "once"
    shutil.copytree(REPOSITORY / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    _replace(source / "anb" / "__init__.py", f'"{__version__}"', f'"{ONCE}"')
    with (source / "anb" / "api.py").open("a") as module:
        module.write(
            '\n\nimport os\n\nif os.environ.get("SUPERVISOR_PROCESS_NAME") == "web":\n'
            '    raise RuntimeError("a release that does not start")\n'
        )
    return {"PYTHONPATH": str(source)}


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file.name} has no single {old!r}")
    file.write_text(text.replace(old, new))

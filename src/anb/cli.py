"""The command `anb`: reads flags, hands over, turns what comes back into words and an exit code.

0 is done, 1 is failed, 2 is a wrong call or a wrong setting. Commands import inside, so that `--help` is instant.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anb.db import Database
    from anb.processing.limits import Limits
    from anb.settings import Settings

_DEMO_FOLDER = Path("demo-output")

app = typer.Typer(
    name="anb",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""ANB Rising Stars Showcase: players upload a video, a worker turns it into the house format, the public
    votes, a ranking shows who leads.

    \b
    Start here:
      anb demo                       see a video go in, come out, get votes and lead the ranking
      anb up                         the whole product in one process, at http://127.0.0.1:8080
      anb process clip.mov -o out.mp4
      anb doctor                     what is wrong with this machine, and what to do

    \b
    On servers (DATABASE_URL, CELERY_BROKER_URL, MEDIA_ROOT and SECRET_KEY are set):
      anb migrate && gunicorn 'anb.api:create_app()' ...     and on the worker:     anb worker

    Exit codes: 0 done, 1 failed, 2 a wrong call or a wrong setting.""",
)

storage_app = typer.Typer(no_args_is_help=True, help="Where originals and results are kept.")
app.add_typer(storage_app, name="storage")

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for programs.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of database, media and key; unset: ANB_DATA_DIR.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True)]


def main() -> None:
    """A setting that is wrong is the caller's to correct, so it ends like a wrong flag."""
    try:
        app()
    except Exception as error:  # only to ask for its kind: importing settings for each `--help` would double its time
        from anb.settings import SettingsError

        if not isinstance(error, SettingsError):
            raise
        typer.echo(str(error), err=True)
        sys.exit(2)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
) -> None:
    """Run everything in one process: API, worker, database. Stop it with Ctrl+C.

    \b
    Examples:
      anb up
      anb up --port 9000 --data-dir /srv/anb
    """
    from anb.embedded import serve

    settings = _settings(data_dir=data_dir)
    shown = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - only compared

    def started() -> None:
        typer.echo(f"ANB Rising Stars is at {shown}; try its API at {shown}/docs")
        typer.echo(f"Data is kept in {settings.data_dir.resolve()}. Stop with Ctrl+C.")

    raise typer.Exit(serve(settings, host, port, started))


@app.command()
def demo(
    as_json: Json = False,
    video: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Your own video.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Emptied of an earlier demo's data first.")] = _DEMO_FOLDER,
    base_url: Annotated[str | None, typer.Option(help="Use a running server instead of starting one.")] = None,
) -> None:
    """Show the main job: Ana uploads, the worker converts, Beto and Carla vote, Ana leads.

    Without --video it draws a clip such as a phone makes. Takes a minute and needs no server.

    \b
    Examples:
      anb demo
      anb demo --video my-clip.mov
      anb demo --base-url http://127.0.0.1:8080 --json
    """
    from rich.console import Console

    from anb.commands import demo as story

    _settings(database_url="", celery_broker_url="")  # a demo is embedded, whatever the environment says
    console = Console(stderr=as_json, highlight=False)
    try:
        outcome = story.run(story.Plan(video, data_dir, base_url), console)
    except story.DemoError as error:
        console.print(f"The demo failed: {error}", markup=False)
        _print_json_if(as_json, {"status": "failed", "detail": str(error)})
        raise typer.Exit(1) from None
    _print_json_if(as_json, outcome)


@app.command()
def process(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="An .mp4; overwritten.")],
    as_json: Json = False,
) -> None:
    """Turn one file into the house format: 1280x720, H.264, at most 30 s and 30 fps, watermark, no metadata.

    The poster is put beside it: OUT.mp4 gets OUT.poster.jpg. Needs no server.

    \b
    Example:
      anb process clip.mov -o house.mp4
    """
    from rich.console import Console

    from anb.commands.one_file import process_one
    from anb.commands.progress_bar import bar
    from anb.commands.reports import failure_as_json
    from anb.processing.failures import ProcessingFailed

    _check_output(source, output)
    console = Console(stderr=as_json, highlight=False)
    started = time.monotonic()
    try:
        with bar(console, "Processing") as on_progress:
            done = process_one(source, output, _limits(_settings()), on_progress)
    except ProcessingFailed as failure:
        refused = failure_as_json(failure)
        _say(refused["detail"], refused, as_json=as_json, failed=True)
        raise typer.Exit(1) from None
    report = done | {"elapsed_s": round(time.monotonic() - started, 2)}
    _say(f"{report['output']}\n{report['poster']}", report, as_json=as_json)


@app.command()
def inspect(file: Source, as_json: Json = False) -> None:
    """Say what a file is, whether it may be uploaded, whether it keeps the house format, and why not.

    Exits with 1 when it may not be uploaded.

    \b
    Examples:
      anb inspect clip.mov
      anb inspect house.mp4 --json
    """
    from anb.commands.reports import inspection_as_json, inspection_as_text
    from anb.processing.inspection import inspect as look

    settings = _settings()
    report = inspection_as_json(look(file, _limits(settings)), file.stat().st_size, settings.max_upload_bytes)
    _say(inspection_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["may_be_uploaded"] else 1)


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest schema. Safe to repeat; two at once wait for each other.

    \b
    Example:
      DATABASE_URL=postgresql://anb:secret@db/anb SECRET_KEY=... anb migrate
    """
    from anb import migrations

    settings = _settings()
    if settings.embedded:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _database(settings) as database:
        migrations.upgrade(database)
    _say(f"The schema is at step {migrations.head()}.", {"revision": migrations.head()}, as_json=as_json)


@app.command()
def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, help="Videos at once; unset: the setting's.")] = None,
    beat: Annotated[bool, typer.Option(help="Also run the sweep on time; one worker of a fleet is enough.")] = True,
) -> None:
    """Process videos that an API on other processes or machines takes. Stop it with SIGTERM.

    \b
    Example:
      CELERY_BROKER_URL=redis://queue:6379/0 DATABASE_URL=... SECRET_KEY=... anb worker --concurrency 2
    """
    from anb.operations import shared_folder

    settings = _settings(worker_concurrency=concurrency)
    shared_folder.share()  # before anything that counts is imported
    from anb.worker import run

    try:
        raise typer.Exit(run(settings, beat=beat))
    finally:
        shared_folder.unshare()


@app.command()
def beat() -> None:
    """Ring for the sweeps on time, and do nothing else. One of a fleet is enough; two do no harm.

    \b
    Example:
      anb beat        and on each worker:     anb worker --no-beat
    """
    from anb.worker import keep_time

    keep_time(_settings())


@app.command()
def retry(
    video_id: Annotated[uuid.UUID, typer.Argument(metavar="VIDEO_ID")],
    as_json: Json = False,
) -> None:
    """Put a failed video back in the queue, after its cause is gone. The next sweep gives it to a worker.

    \b
    Example:
      anb retry 0198c0de-0000-7000-8000-000000000000
    """
    from anb.processing.repository import try_again

    with _database(_settings()) as database, database.write() as session:
        again = try_again(session, video_id)
    text = "It waits for a worker again." if again else "No failed video has this id."
    _say(text, {"video_id": str(video_id), "retried": again}, as_json=as_json, failed=not again)
    raise typer.Exit(0 if again else 1)


@app.command()
def recount(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit with 1 on a difference.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Set each wrong total to what the votes say.")] = False,
    as_json: Json = False,
) -> None:
    """Count all votes again and compare with the totals that are shown.

    Without DATABASE_URL it reads what `anb up` keeps in ANB_DATA_DIR (anb-data).

    \b
    Examples:
      anb recount --check
      ANB_DATA_DIR=demo-output anb recount --check
      anb recount --repair --json
    """
    from anb.commands.reports import differences_as_json, differences_as_text
    from anb.voting import recount as votes

    if check == repair:
        raise typer.BadParameter("say either --check or --repair")
    with _database(_settings()) as database:
        differences = votes.recount(database, repair=repair)
    report = differences_as_json(differences, repaired=repair)
    _say(differences_as_text(report), report, as_json=as_json)
    raise typer.Exit(1 if differences and check else 0)


@app.command()
def backup(
    to: Annotated[str, typer.Argument(metavar="TO", help="A folder, or s3://bucket/prefix.")],
    verify: Annotated[bool, typer.Option("--verify", help="Read all of it again, and count the votes again.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the contest as it is at this moment, database and files, while it runs.

    Files that an earlier backup in TO holds are not copied again. What keys there are (SECRET_KEY) stays out.
    Exits with 1 when something that a row names was missing or damaged.

    \b
    Examples:
      anb backup /mnt/backups/anb
      anb backup /mnt/backups/anb --verify --json
    """
    from anb.commands import backups

    settings = _settings()
    with (
        _progress("Backing up", as_json=as_json) as on_progress,
        _backup_errors(as_json),
        _database(settings) as database,
    ):
        report = backups.back_up(settings, database, to, on_progress, verify=verify)
    _say(backups.made_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["whole"] else 1)


@app.command()
def restore(
    source: Annotated[str, typer.Argument(metavar="FROM", help="What `anb backup` was given.")],
    at: Annotated[str | None, typer.Option(help="Which backup, by its folder's name; unset: the newest.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Then read all files and count all votes again.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Restore nothing: only say whether it could be.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup into an empty database and an empty storage, those that the settings name. Stop everything first.

    Says how long it took (RTO) and from when it is (RPO). May be repeated when it was cut off.
    Exits with 1 when something was missing, damaged or counted wrong.

    \b
    Examples:
      ANB_DATA_DIR=new-data anb restore /mnt/backups/anb --verify
      anb restore /mnt/backups/anb --check
    """
    from contextlib import ExitStack

    from anb.commands import backups
    from anb.embedded import only_process

    if check and verify:
        raise typer.BadParameter("--check restores nothing that --verify could look at; say one of them")
    settings = _settings()
    with ExitStack() as stack:
        on_progress = stack.enter_context(_progress("Checking" if check else "Restoring", as_json=as_json))
        stack.enter_context(_backup_errors(as_json))
        chosen = backups.find(settings, source, at)
        if check:
            report = backups.check(chosen, on_progress)
        else:
            if settings.embedded:
                stack.enter_context(only_process(settings.data_dir))
            database = stack.enter_context(_database(settings))
            report = backups.restore(settings, database, chosen, on_progress, verify=verify)
    _say(backups.checked_as_text(report) if check else backups.restored_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["whole"] else 1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Examine this machine: settings, FFmpeg and its cage, database, broker, storage, disk, clock.

    Each part is ok, warn or fail, with what is wrong and what to do. Exits with 1 when one fails.
    """
    from anb.commands.doctor import examine
    from anb.commands.reports import findings_as_json, findings_as_text

    report = findings_as_json(examine())
    _say(findings_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["ok"] else 1)


@storage_app.command("move")
def storage_move(
    source: Annotated[str, typer.Option("--from", help="A folder or s3://bucket/prefix.")],
    target: Annotated[str, typer.Option("--to", help="A folder or s3://bucket/prefix.")],
    delete_source: Annotated[
        bool, typer.Option("--delete-source", help="After the switch: also delete from the source what is verified.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy all media that the database names, verify each by its SHA-256, and say what to do next.

    The system may serve meanwhile. After a kill it goes on where it was. Exits with 1 while something is missing.

    \b
    Examples:
      anb storage move --from /app/media --to s3://anb-media/cup
      anb storage move --from /app/media --to s3://anb-media/cup --delete-source
    """
    from anb.commands.move_media import Refused, move

    try:
        with _database(settings := _settings()) as database:
            report, text = move(settings, database, source, target, delete_source=delete_source)
    except Refused as refusal:
        raise typer.BadParameter(str(refusal)) from None
    except OSError as error:
        typer.echo(f"A storage fails: {error}\nWhat was copied is noted: repeat the call to go on.", err=True)
        raise typer.Exit(1) from None
    _say(text, report, as_json=as_json)
    raise typer.Exit(0 if report["complete"] else 1)


def _settings(**flags: object) -> "Settings":
    """A flag that was not given leaves the environment its say. Logs go to standard error from here on."""
    from anb import logs
    from anb.settings import load_settings

    settings = load_settings(**{name: value for name, value in flags.items() if value is not None})
    logs.configure(settings)
    return settings


@contextmanager
def _progress(title: str, *, as_json: bool) -> Iterator[Callable[[float], None]]:
    from rich.console import Console

    from anb.commands.progress_bar import bar

    with bar(Console(stderr=True, highlight=False, quiet=as_json), title) as on_progress:
        yield on_progress


@contextmanager
def _backup_errors(as_json: bool) -> Iterator[None]:
    from anb.backups.manifest import BackupError

    try:
        yield
    except (BackupError, OSError) as error:
        _say(str(error), {"whole": False, "detail": str(error)}, as_json=as_json, failed=True)
        raise typer.Exit(1) from None


def _limits(settings: "Settings") -> "Limits":
    from anb.processing.limits import Limits

    return Limits(
        threads=settings.ffmpeg_threads,
        memory_bytes=settings.ffmpeg_memory_bytes,
        wall_seconds=settings.ffmpeg_wall_s,
    )


@contextmanager
def _database(settings: "Settings") -> Iterator["Database"]:
    """One that cannot be reached, or has no schema yet, is a sentence and not a traceback."""
    from sqlalchemy.exc import DBAPIError

    from anb.db import Database

    database = Database(settings.database, pool_size=1)
    try:
        yield database
    except DBAPIError as error:
        typer.echo(f"The database says: {error.orig}\nIs it reachable and migrated? Ask `anb doctor`.", err=True)
        raise typer.Exit(1) from None
    finally:
        database.dispose()


def _check_output(source: Path, output: Path) -> None:
    if output.suffix.lower() != ".mp4":
        raise typer.BadParameter(f"{output}: the house format is an .mp4", param_hint="--output")
    if not output.resolve().parent.is_dir():
        raise typer.BadParameter(f"{output.parent}: no such folder", param_hint="--output")
    if source.resolve() == output.resolve():
        raise typer.BadParameter("would overwrite its own source", param_hint="--output")


def _say(text: str, report: dict[str, Any], *, as_json: bool, failed: bool = False) -> None:
    typer.echo(json.dumps(report, ensure_ascii=False) if as_json else text, err=failed and not as_json)


def _print_json_if(as_json: bool, report: dict[str, Any]) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main()

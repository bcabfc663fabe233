"""The command `anb`: names its commands, turns what they raise into words and an exit code.

0 is done, 1 is failed, 2 is a wrong call or a wrong setting. Commands import inside, so that `--help` is instant.
"""

import sys
from typing import Annotated

import typer

from anb import __version__
from anb.commands.advise import advise
from anb.commands.backup import backup
from anb.commands.beat import beat
from anb.commands.demo import demo
from anb.commands.doctor import doctor
from anb.commands.inspect_file import inspect
from anb.commands.migrate import migrate
from anb.commands.plan import plan
from anb.commands.process import process
from anb.commands.recount import recount
from anb.commands.restore import restore
from anb.commands.retry import retry
from anb.commands.storage_move import storage_move
from anb.commands.take_down import take_down
from anb.commands.up import up
from anb.commands.worker import worker

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


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"anb {__version__}")
        raise typer.Exit


@app.callback()
def _anb(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None: ...


storage_app = typer.Typer(no_args_is_help=True, help="Where originals and results are kept.")
app.add_typer(storage_app, name="storage")
for command in (
    up,
    demo,
    process,
    inspect,
    migrate,
    worker,
    beat,
    retry,
    take_down,
    recount,
    backup,
    restore,
    doctor,
    plan,
    advise,
):
    app.command()(command)
storage_app.command("move")(storage_move)


def main() -> None:
    """A setting that is wrong is the caller's to correct, so it ends like a wrong flag. A right or room that is missing
    is a failure, in words. Anything else is a mistake of ours, and its traceback is what we need."""
    try:
        app()
    except Exception as error:  # only to ask for its kind: importing settings for each `--help` would double its time
        from anb.commands.os_errors import in_words
        from anb.settings import SettingsError

        if isinstance(error, SettingsError):
            typer.echo(str(error), err=True)
            sys.exit(2)
        said = in_words(error)
        if said is None:
            raise
        typer.echo(said, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

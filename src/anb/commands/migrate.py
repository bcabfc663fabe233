"""`anb migrate`."""

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest schema, and make the media's folders for a new one.

    Safe to repeat; two at once wait for each other.

    \b
    Example:
      DATABASE_URL=postgresql://anb:secret@db/anb SECRET_KEY=... anb migrate
    """
    from anb import migrations
    from anb.embedded import keep_private
    from anb.installation import install

    settings = open_settings()
    if settings.embedded:
        keep_private(settings)
    with open_database(settings, new=True) as database:
        install(settings, database)
        revision = migrations.revision(database)
    newer = ", which a newer release made: this one works on it as it is" if migrations.is_newer(revision) else ""
    say(f"The schema is at step {revision}{newer}.", {"revision": revision}, as_json=as_json)

"""`anb advise`."""

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def advise(as_json: Json = False) -> None:
    """Whether it is time for the next phase: which trigger fires, since when, what to do, what it costs.

    The web servers keep a sample of themselves each minute; this reads those of the last 30 days.

    \b
    Examples:
      anb advise
      anb advise --json
    """
    from anb.operations import growth

    settings = open_settings()
    with open_database(settings) as database:
        found, load = growth.look(database, settings.history_every_s)
    say(growth.as_text(found, load), growth.as_json(found, load), as_json=as_json)

"""`anb beat`."""

from anb.commands.system import leave_on_sigterm, open_settings


def beat() -> None:
    """Sweep on time, and do nothing else: ring again, free what a dead worker held, finish and clear up uploads.

    Needs database, storage and staging folder. One of a fleet is enough; two do no harm.

    \b
    Example:
      anb beat        and on each worker:     anb worker --no-beat
    """
    leave_on_sigterm()
    settings = open_settings()
    from anb.beat import run

    run(settings, settings.beat_metrics_port)

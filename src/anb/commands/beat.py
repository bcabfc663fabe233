"""`anb beat`."""

from anb.commands.system import leave_on_sigterm, open_settings


def beat() -> None:
    """Ring for the sweeps on time, and do nothing else. One of a fleet is enough; two do no harm.

    \b
    Example:
      anb beat        and on each worker:     anb worker --no-beat
    """
    leave_on_sigterm()
    from anb.worker import keep_time

    keep_time(open_settings())

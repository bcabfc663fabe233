"""Errors to Sentry, or to a server that speaks like it: the extra `anb[sentry]`, off without ANB_SENTRY_DSN."""

from anb import __version__
from anb.settings import Settings, SettingsError


def report_errors(settings: Settings) -> None:
    """What is logged as an error goes there, with its traceback. Nothing that a person sent does: no body, no header,
    no cookie, no address, and no variables of the frames, where passwords pass by. Logging is the only integration:
    each error of ours is logged once, on the web and in the worker, and no request rides along."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    try:
        import sentry_sdk  # noqa: PLC0415 - an extra, and dear where it is not used
        from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415
    except ImportError:
        raise SettingsError("ANB_SENTRY_DSN: needs the extra: pip install '.[sentry]'") from None
    sentry_sdk.init(
        dsn,
        release=f"anb@{__version__}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None)],
    )

"""Where bytes live."""

from anb.settings import Settings
from anb.storage.local import LocalStorage


def open_storage(settings: Settings) -> LocalStorage:
    return LocalStorage(settings.media)

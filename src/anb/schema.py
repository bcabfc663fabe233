"""Every table there is: who imports this has all models loaded. Migrations compare with it, backups copy it."""

import anb.history.models
import anb.players.models
import anb.uploads.models
import anb.videos.models
import anb.voting.models  # noqa: F401
from anb.db import Base

metadata = Base.metadata

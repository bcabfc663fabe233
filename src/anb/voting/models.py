import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from anb.db import Base, Id, Moment


class Vote(Base):
    """The key is the rule: one vote per video and player. Its foreign key keeps a voted video from vanishing."""

    __tablename__ = "votes"

    video_id: Mapped[uuid.UUID] = mapped_column(Id, ForeignKey("videos.id"), primary_key=True)
    player_id: Mapped[uuid.UUID] = mapped_column(Id, ForeignKey("players.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Moment)

"""What each web server saw of itself, once a minute: enough to say whether it is time to grow, without a Prometheus."""

from datetime import datetime

from sqlalchemy import Float, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from anb.db import Base, Moment


class Sample(Base):
    __tablename__ = "samples"

    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    """A whole interval by the clock of the host, so that its processes mean the same row. No row: it was down."""
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    web_cpu: Mapped[float | None] = mapped_column(Float)
    """Per cent of the host, over five intervals. None: it was up for less, or its kernel does not say."""
    answer_p95_s: Mapped[float | None] = mapped_column(Float)
    """Over five intervals. None: nobody asked."""
    people: Mapped[int] = mapped_column(Integer)
    pending: Mapped[int] = mapped_column(Integer)

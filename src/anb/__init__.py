"""ANB Rising Stars Showcase: upload, house format, votes, ranking."""

__version__ = "0.1.0"

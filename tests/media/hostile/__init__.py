"""Some three hundred damaged or malicious files, the same on every machine."""

from tests.media.hostile import damage, disguises, iso, lists, matroska, old
from tests.media.hostile.kit import Bait, Hostile, Kit, chance, lay_bait

CORPUS: dict[str, Hostile] = {
    hostile.id: hostile for part in (damage, iso, matroska, old, lists, disguises) for hostile in part.files()
}

__all__ = ["CORPUS", "Bait", "Hostile", "Kit", "chance", "lay_bait"]

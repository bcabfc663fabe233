"""What its player should know of a video that is published all the same. Pure.

The words are `messages.NOTICES`. A new code's words come one release before it: the web servers of the release before
read what its workers write.
"""

from enum import StrEnum

from anb.processing.house_format import LONGEST_S, Facts


class Notice(StrEnum):
    ENDS_EARLY = "ends_early"
    SOUND_LEFT_OUT = "sound_left_out"
    ONLY_THE_FIRST = "only_the_first"


ALL_OF_IT_S = LONGEST_S - 1
"""Who has this much has the clip: what would come later is cut off in any case."""


def notices(facts: Facts, *, had_sound: bool, ends_early: bool, only_first: bool) -> tuple[Notice, ...]:
    """`facts` are the result's; the others say what the source had, whether it breaks off, and whether of several
    recordings in it the first alone could be read."""
    found = []
    is_short = facts.picture_s < ALL_OF_IT_S
    if ends_early and is_short:
        found.append(Notice.ENDS_EARLY)
    if only_first and is_short:
        found.append(Notice.ONLY_THE_FIRST)
    if had_sound and not facts.has_audio:
        found.append(Notice.SOUND_LEFT_OUT)
    return tuple(found)

"""The three-class composite of the micro-expression grand challenge: CASME II, SAMM and SMIC as one corpus.

Reference:
    See et al., "MEGC 2019 - The Second Facial Micro-Expressions Grand Challenge", FG 2019: leave one subject
    out, scores pooled over the folds.
"""

from collections import Counter
from collections.abc import Iterable

from pipelines.datasets.clip import Clip

CLASSES = ("negative", "positive", "surprise")

#: Owner's emotion -> class. The others are excluded: CASME II's fear, sadness and others, SAMM's other.
_MERGED = {
    "casme2": {
        "disgust": "negative",
        "repression": "negative",
        "happiness": "positive",
        "surprise": "surprise",
    },
    "samm": {
        "anger": "negative",
        "contempt": "negative",
        "disgust": "negative",
        "fear": "negative",
        "sadness": "negative",
        "happiness": "positive",
        "surprise": "surprise",
    },
    "smic": {name: name for name in CLASSES},
}
#: Excluded by the challenge; one of them has no apex.
_EXCLUDED = {"sub04-EP12_01f", "sub05-EP09_05f"}

#: Published: clips of each class, and subjects that have one.
PUBLISHED = {
    "casme2": ({"negative": 88, "positive": 32, "surprise": 25}, 24),
    "samm": ({"negative": 92, "positive": 26, "surprise": 15}, 28),
    "smic": ({"negative": 70, "positive": 51, "surprise": 43}, 16),
}


def composite_class(corpus: str, clip: Clip) -> str | None:
    """Return the class of a clip, one of `CLASSES`, or None if it is not in the composite.

    Args:
        corpus: casme2, samm or smic.
        clip: clip as its reader yields it.
    """
    if corpus == "casme2" and clip.name in _EXCLUDED:
        return None
    return _MERGED[corpus].get(clip.emotion)


def class_counts(corpus: str, clips: Iterable[Clip]) -> tuple[dict[str, int], int]:
    """Count the clips of each class, and the subjects that have one, as in `PUBLISHED`."""
    members = [(composite_class(corpus, clip), clip.subject) for clip in clips]
    counts = Counter(name for name, _ in members if name)
    return {name: counts[name] for name in CLASSES}, len({subject for name, subject in members if name})

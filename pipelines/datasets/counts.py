"""How much of a corpus there is, against what its owner published or its sheet holds.

References:
    MMEW: the page of its owners, www.dpailab.com/database.html.
    4DME: rows of its sheet as counted by Varanka et al., see `pipelines.datasets.tasks`.
"""

from collections import Counter

from pipelines.datasets import composite
from pipelines.datasets.long_video import KINDS
from pipelines.datasets.reading import CorpusReading, Count

#: Corpus -> (subjects, clips). Of those that are spotted in, clips are expressions.
_PUBLISHED = {
    "bp4d": (41, 328),
    "ckplus": (123, 593),
    "casme2": (26, 255),
    "casme3": (94, 860),
    "casme_squared": (22, 357),
    "dfme": (None, 2629),
    "fourdme": (None, 267),
    "mmew": (None, 300),
    "samm": (29, 159),
    "samm_long": (None, 502),
    "smic": (16, 164),
}
#: Corpus -> (videos, macro-expressions, micro-expressions).
_LONG = {"casme3": (None, 0, 860), "casme_squared": (None, 300, 57), "samm_long": (147, 343, 159)}
#: DFME's sheets -> rows.
_DFME = {"training": 1856, "testa": 474, "testb": 299}
#: Corpus -> emotion -> clips, where the owner's sheet has been counted.
_EMOTIONS = {
    "casme2": {
        "others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7,
        "fear": 2,
    },
    "samm": {
        "anger": 57, "happiness": 26, "other": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
        "sadness": 6,
    },
    "smic": {"negative": 70, "positive": 51, "surprise": 43},
}  # fmt: skip
_CKPLUS_LABELLED = 327


def count(corpus: str, reading: CorpusReading) -> list[Count]:
    """Count subjects, clips, labels, and the classes of the MEGC 2019 composite.

    Args:
        corpus: a key of `CORPORA`.
        reading: what the reader found on disk.

    Returns:
        The counts, beside published ones where there are; none for `folder`.
    """
    if corpus not in _PUBLISHED:
        return []
    clips = reading.clips
    subjects, number = _PUBLISHED[corpus]
    if corpus == "dfme":
        number = sum(rows for part, rows in _DFME.items() if part in reading.release.lower())
    counts = [
        Count("subjects", len({clip.subject for clip in clips}), subjects),
        Count("clips", len(clips), number),
    ]
    if reading.videos:
        videos, *by_kind = _LONG[corpus]
        counts.append(Count("videos", len(reading.videos), videos))
        kinds = Counter(expression.kind for video in reading.videos for expression in video.expressions)
        counts += [
            Count(f"{kind}-expressions", kinds[kind], published)
            for kind, published in zip(KINDS, by_kind, strict=True)
        ]
    if corpus == "ckplus":
        counts.append(
            Count("clips with an emotion", sum(clip.emotion is not None for clip in clips), _CKPLUS_LABELLED)
        )
    found = Counter(clip.emotion for clip in clips if clip.emotion)
    published = _EMOTIONS.get(corpus, {})
    for name in sorted({*found, *published}):
        counts.append(Count(f"emotion: {name}", found[name], published.get(name)))
    return counts + _composite(corpus, reading)


def _composite(corpus: str, reading: CorpusReading) -> list[Count]:
    if corpus not in composite.PUBLISHED:
        return []
    published, published_subjects = composite.PUBLISHED[corpus]
    found, found_subjects = composite.class_counts(corpus, reading.clips)
    return [
        Count("composite: subjects", found_subjects, published_subjects),
        Count("composite: clips", sum(found.values()), sum(published.values())),
        *(Count(f"composite: {name}", found[name], published[name]) for name in composite.CLASSES),
    ]

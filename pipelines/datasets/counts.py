"""How much of a corpus there is, against what its owner published."""

from pipelines.datasets import composite
from pipelines.datasets.clip import Clip
from pipelines.datasets.reading import Count

#: Corpus -> (subjects, clips).
_PUBLISHED = {
    "bp4d": (41, 328),
    "ckplus": (123, 593),
    "casme2": (26, 255),
    "samm": (29, 159),
    "smic": (16, 164),
}
_CKPLUS_LABELLED = 327


def count(corpus: str, clips: list[Clip]) -> list[Count]:
    """Count subjects, clips, labels and the composite's classes.

    Args:
        corpus: a key of `CORPORA`.
        clips: as its reader yields them.

    Returns:
        The counts that somebody published for this corpus; none for `folder`.
    """
    if corpus not in _PUBLISHED:
        return []
    subjects, number = _PUBLISHED[corpus]
    counts = [
        Count("subjects", len({clip.subject for clip in clips}), subjects),
        Count("clips", len(clips), number),
    ]
    if corpus == "ckplus":
        counts.append(
            Count("clips with an emotion", sum(clip.emotion is not None for clip in clips), _CKPLUS_LABELLED)
        )
    if corpus in composite.PUBLISHED:
        published, published_subjects = composite.PUBLISHED[corpus]
        found, found_subjects = composite.class_counts(corpus, clips)
        counts.append(Count("composite: subjects", found_subjects, published_subjects))
        counts.append(Count("composite: clips", sum(found.values()), sum(published.values())))
        counts += [Count(f"composite: {name}", found[name], published[name]) for name in composite.CLASSES]
    return counts

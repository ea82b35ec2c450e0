from pathlib import Path

import pytest

from pipelines.datasets.clip import Clip
from pipelines.datasets.composite import class_counts, composite_class
from pipelines.datasets.counts import count
from pipelines.datasets.reading import CorpusReading, Count


def clip(emotion, name="clip", subject="anna"):
    return Clip(subject, name, Path(name), emotion=emotion)


@pytest.mark.parametrize(
    ("corpus", "emotion", "merged"),
    [
        ("casme2", "repression", "negative"), ("casme2", "happiness", "positive"), ("casme2", "fear", None),
        ("samm", "fear", "negative"), ("samm", "other", None), ("smic", "surprise", "surprise"),
        ("smic", None, None),
    ],
)  # fmt: skip
def test_emotions_are_merged_as_the_challenge_did(corpus, emotion, merged):
    assert composite_class(corpus, clip(emotion)) == merged


def test_two_clips_are_excluded():
    assert composite_class("casme2", clip("disgust", "sub04-EP12_01f")) is None
    assert composite_class("casme2", clip("disgust", "sub04-EP12_02f")) == "negative"


def test_subjects_without_a_class_do_not_count():
    clips = [clip("anger", "1", "006"), clip("other", "2", "007"), clip("happiness", "3", "006")]
    assert class_counts("samm", clips) == ({"negative": 1, "positive": 1, "surprise": 0}, 1)
    found = count("samm", CorpusReading(clips))
    assert Count("emotion: anger", 1, 57) in found
    assert Count("composite: subjects", 1, 28) in found
    assert count("folder", CorpusReading(clips)) == []


def test_dfme_counts_the_sheets_that_are_present():
    reading = CorpusReading([clip("anger")], release="training_full_with_AU.xlsx, testB_full_with_AU.xlsx")
    assert Count("clips", 1, 1856 + 299) in count("dfme", reading)
    assert Count("emotion: anger", 1, None) in count("dfme", reading)

"""Corpora of the full size, without pictures in them: counts against the published ones."""

from itertools import count

import pytest

from pipelines.datasets.corpora import read_corpus

CASME2 = (
    "Subject",
    "Filename",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "Action Units",
    "Estimated Emotion",
)
SAMM = (
    "Subject",
    "Filename",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Action Units",
    "Estimated Emotion",
)
SMIC = ("Subject", "Filename", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Emotion")


def found(reading):
    """Counts that were published; those of CK+'s emotions, for one, were not."""
    return {count.what: count.found for count in reading.counts if count.published is not None}


def published(reading):
    return {count.what: count.published for count in reading.counts if count.published is not None}


@pytest.fixture
def frames(touch):
    return lambda folder: touch(folder, [f"img{number}.jpg" for number in (1, 5, 9)])


def test_casme2(tmp_path, frames, write_sheet):
    # Two subjects, 25 and 26, show nothing that the composite takes.
    emotions = {
        "disgust": 61,
        "happiness": 32,
        "repression": 27,
        "surprise": 25,
        "sadness": 7,
        "fear": 2,
        "others": 97,
    }
    shown = [name for name, many in emotions.items() for _ in range(many)]
    who = [f"{1 + k % 24:02d}" for k in range(len(shown))]
    clips = list(zip(who, (f"EP{k:03d}" for k in count()), shown, strict=False))
    clips += [("25", "EP01_01", "others"), ("26", "EP01_01", "others")]
    clips += [("04", "EP12_01f", "disgust"), ("05", "EP09_05f", "disgust")]
    for subject, name, _ in clips:
        frames(tmp_path / "Cropped" / f"sub{subject}" / name)
    rows = [(subject, name, 1, 5, 9, 4, emotion) for subject, name, emotion in clips]
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, *rows])
    reading = read_corpus("casme2", tmp_path)
    assert found(reading) == published(reading)
    assert found(reading) == {
        "subjects": 26, "clips": 255, "emotion: disgust": 63, "emotion: fear": 2, "emotion: happiness": 32,
        "emotion: others": 99, "emotion: repression": 27, "emotion: sadness": 7, "emotion: surprise": 25,
        "composite: subjects": 24, "composite: clips": 145,
        "composite: negative": 88, "composite: positive": 32, "composite: surprise": 25,
    }  # fmt: skip


def test_samm(tmp_path, frames, write_sheet):
    emotions = {
        "Anger": 57,
        "Contempt": 12,
        "Disgust": 9,
        "Fear": 8,
        "Sadness": 6,
        "Happiness": 26,
        "Surprise": 15,
    }
    shown = [name for name, many in emotions.items() for _ in range(many)]
    clips = [(6 + k % 28, emotion) for k, emotion in enumerate(shown)] + [(37, "Other")] * 26
    rows = []
    for k, (subject, emotion) in enumerate(clips):
        name = f"{subject:03d}_{k}_1"
        frames(tmp_path / f"{subject:03d}" / name)
        rows.append((subject, name, 1, 5, 9, "4+7", emotion))
    write_sheet(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY", [SAMM, *rows])
    reading = read_corpus("samm", tmp_path)
    assert found(reading) == published(reading)
    assert found(reading) == {
        "subjects": 29, "clips": 159, "emotion: anger": 57, "emotion: contempt": 12, "emotion: disgust": 9,
        "emotion: fear": 8, "emotion: happiness": 26, "emotion: other": 26, "emotion: sadness": 6,
        "emotion: surprise": 15, "composite: subjects": 28, "composite: clips": 133,
        "composite: negative": 92, "composite: positive": 26, "composite: surprise": 15,
    }  # fmt: skip


def test_smic(tmp_path, frames, write_sheet):
    rows = []
    for emotion, code, many in (("negative", "ne", 70), ("positive", "po", 51), ("surprise", "sur", 43)):
        for k in range(many):
            name = f"s{1 + k % 16:02d}_{code}_{k:02d}"
            frames(tmp_path / "SMIC_HS_E" / name[:3] / name)
            rows.append((name[:3], name, 1, 9, None, None, emotion))
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, *rows])
    reading = read_corpus("smic", tmp_path)
    assert found(reading) == published(reading)
    assert found(reading) == {
        "subjects": 16, "clips": 164, "emotion: negative": 70, "emotion: positive": 51,
        "emotion: surprise": 43, "composite: subjects": 16, "composite: clips": 164,
        "composite: negative": 70, "composite: positive": 51, "composite: surprise": 43,
    }  # fmt: skip


def test_ckplus_and_bp4d(tmp_path, touch):
    for k in range(593):
        subject, sequence = f"S{k % 123:03d}", f"{k // 123:03d}"
        peak = f"{subject}_{sequence}_00000002"
        touch(tmp_path / "ck" / "cohn-kanade-images" / subject / sequence, [f"{peak}.png"])
        if k < 327:
            folder = tmp_path / "ck" / "Emotion" / subject / sequence
            folder.mkdir(parents=True)
            (folder / f"{peak}_emotion.txt").write_text("   7.0000000e+00\n")
    reading = read_corpus("ckplus", tmp_path / "ck")
    assert (
        found(reading) == {"subjects": 123, "clips": 593, "clips with an emotion": 327} == published(reading)
    )

    for subject in [f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]:
        for task in range(1, 9):
            touch(tmp_path / "bp" / "Sequences(2D+3D)" / subject / f"T{task}", ["0001.jpg"])
    reading = read_corpus("bp4d", tmp_path / "bp")
    assert found(reading) == {"subjects": 41, "clips": 328} == published(reading)

"""Releases of corpora and their traps, in sheets written by hand; pictures are not opened."""

import openpyxl
import pytest

from pipelines.datasets.clip import ActionUnit
from pipelines.datasets.corpora import read_corpus
from pipelines.errors import InputError

CASME2 = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units")
CASME2 += ("Estimated Emotion",)
SMIC = ("Subject", "Filename", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "FirstF", "Emotion")
CASME3 = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
SAMM_LONG = ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type")
SAMM_LONG += ("Action Units", "Notes")
MMEW = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
MMEW += ("remarks",)
FOURDME = ("sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", "AU4", "AU7", "Emotion")


def images(first, last, name="img{}.jpg"):
    return [name.format(number) for number in range(first, last + 1)]


def test_casme2_of_2019(tmp_path, touch, write_sheet):
    touch(tmp_path / "Cropped" / "sub01" / "EP02_01f", images(46, 101, "reg_img{}.jpg"))
    row = (1, "EP02_01f", None, 46, 59, 86, None, "4+L10", "happiness")
    write_sheet(tmp_path / "CASME2-coding-20190701.xlsx", "Sheet1", [CASME2, row])
    reading = read_corpus("casme2", tmp_path)
    (clip,) = reading.clips
    assert (clip.subject, clip.onset, clip.apex, clip.offset) == ("sub01", 0, 13, 40)
    assert reading.release == "CASME2-coding-20190701.xlsx (integer subjects), Cropped"


def test_casme2_videos_play_the_recording_at_30_frames_a_second(tmp_path, touch, write_sheet, issues_of):
    videos = ["EP02_01f.avi", "EP03_02.avi", "EP04_03.avi", "EP09_09.avi"]
    touch(tmp_path / "CASME2_compressed" / "sub01", videos)
    rows = [
        ("01", "EP02_01f", None, 41, 101, 201, None, 4, "happiness"),
        ("01", "EP03_02", None, 41, "/", 201, None, 4, "disgust"),
        ("01", "EP04_03", None, 41, 43, 45, None, 4, "disgust"),
        ("01", "EP05_03", None, 41, 43, 45, None, 4, "disgust"),
        ("01", "EP02_01f", None, 45, 110, 220, None, 4, "disgust"),
    ]
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, *rows])
    reading = read_corpus("casme2", tmp_path)
    # (number - 1) * 30 / 200
    assert [(c.onset, c.apex, c.offset) for c in reading.clips] == [(6, 15, 30), (6, 18, 30), (6, None, 7)]
    assert {(clip.frames, clip.numbers, clip.rate) for clip in reading.clips} == {(None, None, 30.0)}
    assert [clip.path.name for clip in reading.clips] == ["EP02_01f.avi", "EP03_02.avi", "EP04_03.avi"]
    assert "30 frames per second" in issues_of(reading, "CASME2_compressed")[0][1]
    assert issues_of(reading, "sub01-EP05_03")[0][0] == "skipped"
    assert "duplicate of an earlier row" in issues_of(reading, "sub01-EP02_01f")[0][1]
    unread = tmp_path / "CASME2_compressed" / "sub01" / "EP09_09.avi"
    assert issues_of(reading, str(unread)) == [("skipped", "no row in the coding sheet")]


@pytest.mark.parametrize("onset", [0, -1])
def test_casme2_videos_without_an_onset(tmp_path, touch, write_sheet, onset, issues_of):
    touch(tmp_path / "CASME2_compressed" / "sub01", ["EP09_09.avi"])
    row = ("1.0", "EP09_09", None, onset, 110, 220, None, 4, "disgust")
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, row])
    reading = read_corpus("casme2", tmp_path)
    (clip,) = reading.clips
    assert (clip.onset, clip.apex, clip.offset) == (None, None, None)
    assert f"onset {onset} and offset 220 are not an interval" in issues_of(reading, clip.name)[0][1]


def test_frames_without_their_sheet_are_a_folder(tmp_path, touch):
    for name in ("sub01_1", "sub02_1"):
        touch(tmp_path / name, images(1, 5))
    assert [clip.subject for clip in read_corpus("folder", tmp_path).clips] == ["sub01_1", "sub02_1"]
    with pytest.raises(InputError, match="the coding sheet is missing"):
        read_corpus("dfme", tmp_path)


def test_clips_without_frames_are_listed_by_subject(tmp_path, touch, write_sheet, issues_of):
    names = [f"EP{k:02d}_01" for k in range(1, 10)]
    rows = [("04", name, None, 5, 12, 31, None, 4, "disgust") for name in names]
    rows += [("05", "EP01_01", None, 5, 12, 31, None, 4, "disgust")]
    touch(tmp_path / "Cropped" / "sub04" / "EP01_01", images(1, 40))
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, *rows])
    reading = read_corpus("casme2", tmp_path)
    ((kind, reason),) = issues_of(reading, "sub04")
    assert kind == "skipped"
    assert reason == (
        "no frame folder for 8 of 9 clip(s) in the sheet: sub04-EP02_01, sub04-EP03_01, sub04-EP04_01, "
        "sub04-EP05_01, sub04-EP06_01, sub04-EP07_01, and 2 more"
    )
    assert "1 of 1 clip(s)" in issues_of(reading, "sub05")[0][1]


def test_unknown_emotions_are_named(tmp_path, touch, write_sheet):
    rows = []
    for k, emotion in enumerate(("Suprise", "happiness", "惊讶", "suprise")):
        touch(tmp_path / "Cropped" / "sub01" / f"EP0{k}_01", images(1, 40))
        rows.append(("01", f"EP0{k}_01", None, 5, 12, 31, None, 4, emotion))
    write_sheet(tmp_path / "CASME2-coding.xlsx", "Sheet1", [CASME2, *rows])
    misspelt, foreign = read_corpus("casme2", tmp_path).issues
    assert misspelt.clip == "sub01-EP00_01, sub01-EP03_01"
    assert misspelt.reason == (
        "unknown emotion 'suprise' in 2 clip(s); did you mean 'surprise'? They count in no class"
    )
    assert (foreign.clip, foreign.kind) == ("sub01-EP02_01", "repaired")
    assert "unknown emotion '惊讶' in 1 clip(s); expected one of: disgust, fear," in foreign.reason


@pytest.mark.parametrize("folder", ["s03/s3_po_05", "s03/s03_po_05", "s3/s3_po_5"])
def test_smic_frames_numbered_by_the_camera_or_from_the_first(
    tmp_path, touch, write_sheet, folder, issues_of
):
    row = (3, "s3_po_05", 17581050, 17581071, None, None, 17581039, "positive")
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, row])
    touch(tmp_path / "SMIC_HS_E" / folder, images(17581039, 17581139, "image{}.jpg"))
    (clip,) = read_corpus("smic", tmp_path).clips
    assert (clip.subject, clip.onset, clip.apex, clip.offset) == ("s03", 11, 21, 32)
    for file in clip.frames:
        file.unlink()
    touch(tmp_path / "SMIC_HS_E" / folder, images(1, 101, "image{:03d}.jpg"))
    reading = read_corpus("smic", tmp_path)
    (clip,) = reading.clips
    assert (clip.onset, clip.apex, clip.offset) == (11, 21, 32)
    assert ("repaired", "frames numbered from the first one; it is frame 17581039") in issues_of(
        reading, "s3_po_05"
    )


@pytest.mark.parametrize("second", [(0, 0), (-1, -1), (1005, 1020)])
def test_smic_second_onset_that_is_none(tmp_path, touch, write_sheet, second):
    row = (1, "s01_ne_03", 1005, 1020, *second, 1000, "negative")
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, row])
    touch(tmp_path / "SMIC_HS_E" / "s01" / "s01_ne_03", images(1, 49, "image{:03d}.jpg"))
    reading = read_corpus("smic", tmp_path)
    assert [(clip.name, clip.onset, clip.offset) for clip in reading.clips] == [("s01_ne_03", 5, 20)]
    assert any("second onset 1005" in issue.reason for issue in reading.issues) == (second[0] > 0)


@pytest.mark.parametrize("offset", [None, 0, -1])
def test_smic_with_a_second_onset_and_no_offset_of_the_first(tmp_path, touch, write_sheet, offset):
    row = (1, "s01_ne_01", 1010, offset, 1070, 1095, 1000, "negative")
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, row])
    touch(tmp_path / "SMIC_HS_E" / "s01" / "s01_ne_01", images(1000, 1100, "image{}.jpg"))
    one, two = read_corpus("smic", tmp_path).clips
    assert (one.numbers[0], one.numbers[-1], one.onset, one.offset) == (1000, 1069, 10, None)
    assert (two.numbers[0], two.numbers[-1], two.onset, two.offset) == (1070, 1100, 0, 25)


@pytest.mark.parametrize(
    ("corpus", "sheet", "header", "row", "folder", "subjects"),
    [
        ("mmew", "MMEW_Micro_Exp.xlsx", MMEW, (0, 0, 3, 5, 8, 4, "happiness", None),
         "Micro_Expression/happiness/{}", ("1", "S1", "1.0")),
        ("fourdme", "4DME_Labelling_Micro_release v1.xlsx", FOURDME, (0, 0, 3, 5, 8, "4", 1, 0, "Positive"),
         "gray_micro/s01/{}", ("s01", "S1", "s1")),
    ],
)  # fmt: skip
def test_subjects_written_in_several_ways(
    tmp_path, touch, write_sheet, corpus, sheet, header, row, folder, subjects
):
    rows = []
    for number, subject in enumerate(subjects):
        name = f"clip-{number}"
        touch(tmp_path / folder.format(name), images(1, 20, "{}.jpg"))
        rows.append((subject, name, *row[2:]))
    write_sheet(tmp_path / sheet, "Sheet1", [header, *rows])
    reading = read_corpus(corpus, tmp_path)
    assert len(reading.clips) == 3
    assert len({clip.subject for clip in reading.clips}) == 1


@pytest.mark.parametrize("onset", [None, -1])
def test_4dme_without_an_onset_has_no_apex(tmp_path, touch, write_sheet, onset):
    touch(tmp_path / "gray_micro" / "sub7" / "M3", images(55, 80, "{}.jpg"))
    row = ("sub7", "M3", onset, 60, 70, "AU4", 1, 1, "Negative")
    write_sheet(tmp_path / "4DME_Labelling_Micro_release v1.xlsx", "Sheet1", [FOURDME, row])
    (clip,) = read_corpus("fourdme", tmp_path).clips
    assert (clip.onset, clip.apex, clip.offset) == (None, None, None)


@pytest.fixture
def casme3(tmp_path, touch):
    for letter in ("a", "B"):
        touch(tmp_path / "part_A" / "spNO.1" / letter / "color", images(1, 400, "{}.jpg"))
        touch(tmp_path / "part_A" / "spNO.1" / letter / "depth", images(1, 400, "{}.png"))
    return tmp_path


def test_casme3_names_that_repeat(casme3, write_sheet, issues_of):
    rows = [
        ("spNO.1", "A", 30, 36, 44, "4+7", 3, "Others"),
        ("spNO.1", "a", 130, 139, 150, "12", 1, "happy"),
        ("spNO.1", "b", 300, 306, 311, "14", 7, "anger"),
        ("spNO.1", "b", 1200, 221, 1211, "14", 7, "anger"),
    ]
    write_sheet(casme3 / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "label", [CASME3, *rows])
    reading = read_corpus("casme3", casme3)
    assert [(c.name, c.numbers[0], c.numbers[-1], c.onset, c.apex, c.offset) for c in reading.clips] == [
        ("spNO.1-a-130", 130, 150, 0, 9, 20),
        ("spNO.1-a-30", 30, 44, 0, 6, 14),
        ("spNO.1-b-300", 300, 311, 0, 6, 11),
    ]
    assert {path.parent.name for clip in reading.clips for path in clip.frames} == {"color"}
    ((kind, reason),) = issues_of(reading, "spNO.1-b-1200")
    assert kind == "skipped"
    assert "no frames 1200-1211 in" in reason
    assert "frames 1-400 on disk" in reason
    assert [[e.interval for e in video.expressions] for video in reading.videos] == [
        [(299, 310)],
        [(29, 43), (129, 149)],
    ]


def test_casme3_older_sheet_is_named(casme3, write_sheet):
    row = ("spNO.1", "a", 30, 36, 44, "4+7", 3, "anger")
    write_sheet(casme3 / "cas(me)3_part_A_ME_label_JpgIndex.xlsx", "label", [CASME3, row])
    (issue,) = read_corpus("casme3", casme3).issues
    assert "older release of the sheet" in issue.reason


def test_casme_squared_needs_its_naming_rules(tmp_path, touch):
    touch(tmp_path / "rawpic" / "s15" / "15_0101disgustingteeth", images(1, 90))
    book = openpyxl.Workbook()
    book.active.append((1, "disgust1_1", 20, 30, 0, "4", "negative", "macro-expression", "disgust"))
    book.active.append((1, "disgust1_1", 60, 64, 70, "4", "negative", "micro-expression", "disgust"))
    book.save(tmp_path / "code_final.xlsx")
    with pytest.raises(InputError, match=r"'naming rule1' \(subjects\) is missing"):
        read_corpus("casme_squared", tmp_path)
    book.create_sheet("naming rule1").append((15, "s15", 1))
    book.create_sheet("naming rule2").append((101, "disgust1"))
    book.save(tmp_path / "code_final.xlsx")
    reading = read_corpus("casme_squared", tmp_path)
    (video,) = reading.videos
    assert [(e.name, e.kind, e.interval) for e in video.expressions] == [
        ("s15-disgust1_1-20", "macro", (19, 29)),
        ("s15-disgust1_1-60", "micro", (59, 69)),
    ]
    assert {count.what: count.found for count in reading.counts} == {
        "subjects": 1, "clips": 2, "videos": 1, "macro-expressions": 1, "micro-expressions": 1,
        "emotion: negative": 2,
    }  # fmt: skip


def test_casme_squared_recognises_another_sheet(tmp_path, touch, write_sheet):
    touch(tmp_path / "rawpic" / "s15" / "15_0101disgustingteeth", images(1, 90))
    write_sheet(tmp_path / "code_final.xlsx", "Sheet1", [CASME3])
    with pytest.raises(InputError, match=r"row 1 has the columns of CAS\(ME\)\^3"):
        read_corpus("casme_squared", tmp_path)


def test_samm_long_videos_without_the_micro_sheet(tmp_path, touch, write_sheet, issues_of):
    touch(tmp_path / "SAMM_longvideos" / "006_1", images(1, 900, "006_1_{:04d}.jpg"))
    touch(tmp_path / "SAMM_longvideos" / "006_5", images(1, 300, "006_5_{:04d}.jpg"))
    touch(tmp_path / "SAMM_longvideos" / "006_6", images(1, 300, "006_6_{:04d}.jpg"))
    rows = [
        (6, "006_1_2", 1, 100, -1, 180, 81, "Micro - 1/2", "4", None),
        ("006", "006_1_3", 1, 300, 420, 700, 401, "Macro", "12", None),
        ("006", "006_5_1", 1, 30, 45, 40, 11, "Macro", "12", None),
    ]
    write_sheet(tmp_path / "SAMM_LongVideos_V2_Release.xlsx", "Sheet1", [*[()] * 10, SAMM_LONG, *rows])
    reading = read_corpus("samm_long", tmp_path)
    assert [(v.name, [(e.kind, e.interval) for e in v.expressions]) for v in reading.videos] == [
        ("006_1", [("micro", (99, 179)), ("macro", (299, 699))]),
        ("006_5", [("macro", (29, 39))]),
        ("006_6", []),  # spotting must find nothing in it
    ]
    assert "apex 45 is after the offset 40" in issues_of(reading, "006_5_1")[0][1]
    assert reading.release == "SAMM_LongVideos_V2_Release.xlsx, version 2"
    assert {clip.emotion for clip in reading.clips} == {None}
    assert "the clips have no label" in issues_of(reading, "SAMM_LongVideos_V2_Release.xlsx")[0][1]
    assert len(reading.issues) == 4  # and the apex -1, and the midpoint in place of 45


def test_4dme_counts_from_the_onset(tmp_path, touch, write_sheet):
    touch(tmp_path / "gray_micro" / "sub7" / "M3", images(55, 80, "{}.jpg"))
    row = ("sub7", "M3", 1234, 1240, 1259, "AU4(k)+AU7", 1, 1, "Negative")
    write_sheet(tmp_path / "4DME_Labelling_Micro_release v1.xlsx", "Sheet1", [FOURDME, row])
    (clip,) = read_corpus("fourdme", tmp_path).clips
    assert (clip.onset, clip.apex, clip.offset, clip.emotion) == (0, 6, 25, "negative")
    assert clip.action_units == (ActionUnit(4, uncertain=True), ActionUnit(7))


def test_mmew_and_casme2_have_columns_in_common(tmp_path, touch, write_sheet):
    touch(tmp_path / "Micro_Expression" / "anger" / "S01-001-01", images(1, 40, "{}.jpg"))
    touch(tmp_path / "Micro_Expression" / "fear" / "S02-001-01", images(1, 40, "{}.jpg"))
    rows = [
        (1, "S01-001-01", 1, 12, 31, "4+7", "anger", None),
        (2, "S02-001-01", 1, 12, 31, "1", "fear", None),
    ]
    write_sheet(tmp_path / "MMEW_Micro_Exp.xlsx", "Sheet1", [MMEW, *rows])
    assert [clip.subject for clip in read_corpus("mmew", tmp_path).clips] == ["S01", "S02"]
    with pytest.raises(InputError, match="this looks like MMEW; use --corpus mmew, not casme2"):
        read_corpus("casme2", tmp_path)

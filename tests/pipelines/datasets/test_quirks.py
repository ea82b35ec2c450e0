"""Quirks of the owners' layouts, in small corpora that are written by hand."""

import numpy as np
import pytest

from pipelines.datasets.clip import ActionUnit
from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.frame_pairs import frame_pairs
from pipelines.errors import InputError

CASME2 = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units")
CASME2 += ("Estimated Emotion",)
SAMM = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration")
SAMM += ("Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes")
SMIC = ("Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", None, "FirstF", "LastF")
SMIC += ("Emotion",)


def images(first, last, name="img{}.jpg"):
    return [name.format(number) for number in range(first, last + 1)]


@pytest.mark.parametrize("frames", ["Cropped", "CASME2_RAW_selected"])
@pytest.mark.parametrize("subject", ["01", 1])
def test_casme2_releases(tmp_path, touch, write_sheet, frames, subject):
    touch(tmp_path / frames / "sub01" / "EP02_01f", images(46, 101))
    row = (subject, "EP02_01f", None, 46, 59, 86, None, "4+L10", "happiness")
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, row])
    (clip,) = read_corpus("casme2", tmp_path).clips
    assert (clip.subject, clip.name, clip.emotion) == ("sub01", "sub01-EP02_01f", "happiness")
    assert [clip.frames[k].name for k in (clip.onset, clip.apex, clip.offset)] == [
        "img46.jpg",
        "img59.jpg",
        "img86.jpg",
    ]
    assert clip.action_units == (ActionUnit(4), ActionUnit(10, "L"))


def test_casme2_rows_and_folders_that_do_not_match(tmp_path, touch, write_sheet, issues_of):
    for name in ("EP01_01", "EP02_01f", "EP03_02"):
        touch(tmp_path / "Cropped" / "sub04" / name, images(1, 40))
    (tmp_path / "Cropped" / "sub04" / "EP03_02" / "img20.jpg").unlink()
    touch(tmp_path / "CASME2_RAW_selected" / "sub04" / "EP01_01", images(1, 40))
    rows = [
        ("04", "EP02_01f", None, 5, "/", 31, None, "?", "disgust"),
        ("04", "EP02_01f", None, 9, 12, 31, None, 4, "fear"),
        ("04", "EP03_02", None, 5, 20, 31, None, 4, None),
        ("04", "EP04_02f", None, 5, 12, 31, None, 4, "surprise"),
        ("05", "EP09_05f", None, 500, 512, 531, None, 4, "disgust"),
    ]
    touch(tmp_path / "Cropped" / "sub05" / "EP09_05f", images(1, 40))
    write_sheet(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1", [CASME2, *rows])
    reading = read_corpus("casme2", tmp_path)
    assert [clip.name for clip in reading.clips] == ["sub04-EP02_01f", "sub04-EP03_02"]
    first, gap = reading.clips
    assert (first.onset, first.apex, first.offset, first.action_units) == (4, 17, 30, ())
    assert (gap.emotion, gap.onset, gap.apex) == (None, 4, 18)
    assert (18, 19) not in frame_pairs("consecutive", gap, 39)  # frames 19 and 21
    assert issues_of(reading, first.name) == [
        ("repaired", "no apex in the sheet; using the midpoint of onset and offset"),
        ("repaired", "'?' is not an Action Unit; ignored"),
        ("skipped", "CASME2-coding-20140508.xlsx, row 3: duplicate of an earlier row; using the first"),
    ]
    assert issues_of(reading, gap.name) == [
        ("repaired", "1 frame(s) missing (20); no consecutive pair spans the gap"),
        ("repaired", "frame 20 (apex) is missing; using frame 19"),
        ("repaired", "no emotion in the sheet; the clip has no label"),
    ]
    assert issues_of(reading, "sub04") == [
        ("skipped", "no frame folder for 1 of 4 clip(s) in the sheet: sub04-EP04_02f")
    ]
    assert "onset 500 is after its last frame" in issues_of(reading, "sub05-EP09_05f")[0][1]
    assert issues_of(reading, str(tmp_path / "Cropped" / "sub04" / "EP01_01")) == [
        ("skipped", "no row in the coding sheet")
    ]
    assert issues_of(reading, "CASME2_RAW_selected") == [
        ("skipped", "Cropped is present as well; using that one")
    ]


def test_samm_sheet(tmp_path, touch, write_sheet, issues_of):
    preamble = [("SAMM",), *[()] * 12]
    rows = [
        (6, "006_1_2", 1, 5562, 5588, 5632, "=F15-D15+1", "Micro", "(R6 or R12)+R15", "Anger", 3, None),
        ("028", "028_4_1", 4, 200, 900, 260, "=F16-D16+1", "Micro", "7B", "Happiness", 1, "apex?"),
        ("032", "032_3_1", 3, 200, 240, 230, "=F17-D17+1", "Micro", "4+7", "Other ", 3, None),
    ]
    touch(tmp_path / "006" / "006_1_2", images(5562, 5632, "006_{:05d}.jpg"))
    touch(tmp_path / "028" / "028_4_1", images(200, 260, "028_{:05d}.jpg"))
    touch(tmp_path / "032" / "032_3_1", images(200, 260, "032_{:05d}.jpg"))
    write_sheet(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY", [*preamble, SAMM, *rows])
    reading = read_corpus("samm", tmp_path)
    assert [(clip.subject, clip.name, clip.emotion) for clip in reading.clips] == [
        ("006", "006_1_2", "anger"),
        ("028", "028_4_1", "happiness"),
        ("032", "032_3_1", "other"),
    ]
    assert [(clip.onset, clip.apex, clip.offset) for clip in reading.clips] == [
        (0, 26, 70),
        (0, 30, 60),
        (0, 40, None),
    ]
    assert reading.clips[0].action_units == (
        ActionUnit(6, "R", None, (ActionUnit(12, "R"),)),
        ActionUnit(15, "R"),
    )
    assert reading.clips[1].action_units == (ActionUnit(7, None, "B"),)
    assert issues_of(reading, "006_1_2") == []
    assert "apex 900 is outside the clip" in issues_of(reading, "028_4_1")[0][1]
    assert "offset 230 is before apex 240" in issues_of(reading, "032_3_1")[0][1]


@pytest.mark.parametrize("subject", ["s20", 20])
@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("SMIC_HS_E/s20/s20_ne_01", "image{}.jpg"),
        ("HS/s20/micro/negative/s20_ne_01", "image{:06d}.bmp"),
        ("HS/s20/micro/negative/s20_ne_1", "reg_image{}.bmp"),
    ],
)
def test_smic_layouts(tmp_path, touch, write_sheet, issues_of, folder, pattern, subject):
    touch(tmp_path / folder, images(17581039, 17581139, pattern))
    touch(tmp_path / "HS" / "s20" / "non_micro" / "s20_non_1", images(1, 9))
    row = (subject, "s20_ne_01", None, 17581050, 17581071, None, None, None, 17581039, 17581139, "negative")
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, row])
    reading = read_corpus("smic", tmp_path)
    (clip,) = reading.clips
    assert (clip.subject, clip.name, clip.emotion) == ("s20", "s20_ne_01", "negative")
    assert (clip.onset, clip.apex, clip.offset) == (11, 21, 32)
    assert [issue.reason for issue in reading.issues] == [
        "no apex in the sheet; using the midpoint of onset and offset"
    ]


def test_two_folders_of_one_name(tmp_path, touch, write_sheet, issues_of):
    touch(tmp_path / "006" / "006_1_2", images(1, 40))
    touch(tmp_path / "cropped" / "006" / "006_1_02", images(1, 40))
    row = (6, "006_1_2", 1, 5, 20, 31, None, "Micro", "4", "Anger", 3, None)
    write_sheet(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY", [SAMM, row])
    reading = read_corpus("samm", tmp_path)
    assert [clip.path for clip in reading.clips] == [tmp_path / "006" / "006_1_2"]
    assert "006_1_02; not read" in issues_of(reading, "006_1_2")[0][1]


def test_smic_clip_with_two_expressions(tmp_path, touch, write_sheet, issues_of):
    touch(tmp_path / "SMIC_HS_E" / "s03" / "s03_po_01", images(101, 200))
    row = ("s03", "s03_po_01", None, 111, 131, 151, 181, None, 101, 200, "positive")
    write_sheet(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC, row])
    reading = read_corpus("smic", tmp_path)
    one, two = reading.clips
    assert (one.name, one.numbers, one.onset, one.apex, one.offset) == (
        "s03_po_01",
        tuple(range(101, 142)),
        10,
        20,
        30,
    )
    assert (two.name, two.numbers, two.onset, two.apex, two.offset) == (
        "s03_po_01_2", tuple(range(142, 201)), 9, 24, 39,
    )  # fmt: skip
    assert {one.emotion, two.emotion} == {"positive"}
    assert "second expression in the same folder" in issues_of(reading, "s03_po_01_2")[0][1]


@pytest.mark.parametrize(
    ("corpus", "book", "title", "columns", "lost"),
    [
        ("casme2", "CASME2-coding-20140508.xlsx", "Sheet1", CASME2, "ApexFrame"),
        ("samm", "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY", SAMM, "Estimated Emotion"),
        ("smic", "SMIC-HS-E_annotation.xlsx", "HS", SMIC, "OnsetF"),
    ],
)
def test_sheets_and_frames_that_lack_something(
    tmp_path, touch, write_sheet, corpus, book, title, columns, lost
):
    touch(tmp_path / "SMIC_HS_E" / "s01", [])
    touch(tmp_path / "Cropped" / "sub01", [])
    write_sheet(tmp_path / book, title, [[None if name == lost else name for name in columns]])
    with pytest.raises(InputError) as error:
        read_corpus(corpus, tmp_path)
    for words in (book, title, lost, "use it as its owner hands it out"):
        assert words in str(error.value)
    write_sheet(tmp_path / book, title, [columns])
    with pytest.raises(InputError, match="no clip of"):
        read_corpus(corpus, tmp_path)


def test_sheets_without_frames_and_frames_without_sheets(tmp_path, touch, write_sheet):
    touch(tmp_path / "a" / "Cropped" / "sub01" / "EP01", images(1, 9))
    with pytest.raises(InputError, match="the coding sheet is missing"):
        read_corpus("casme2", tmp_path / "a")
    touch(tmp_path / "b" / "HS" / "s1" / "micro" / "negative" / "s1_ne_01", images(1, 9))
    with pytest.raises(InputError, match="the coding sheet is missing"):
        read_corpus("smic", tmp_path / "b")
    (tmp_path / "c").mkdir()
    write_sheet(tmp_path / "c" / "SMIC-HS-E_annotation.xlsx", "HS", [SMIC])
    with pytest.raises(InputError, match="the folder of frames is missing"):
        read_corpus("smic", tmp_path / "c")
    (tmp_path / "d" / "AUCoding").mkdir(parents=True)
    with pytest.raises(InputError, match=r"Sequences\(2D\+3D\) is missing"):
        read_corpus("bp4d", tmp_path / "d")


def test_ckplus_files_that_lack_or_are_damaged(tmp_path, touch, issues_of):
    for sequence, last in (("001", 4), ("002", 3), ("003", 0)):
        touch(
            tmp_path / "cohn-kanade-images" / "S010" / sequence,
            images(1, last, f"S010_{sequence}_{{:08d}}.png"),
        )
    touch(tmp_path / "cohn-kanade-images" / "S010", [".DS_Store"])
    texts = {
        "FACS/S010/001/S010_001_00000005_facs.txt": "   1.7000000e+01   3.0000000e+00\n   4.0   0.0\n",
        "Emotion/S010/001/S010_001_00000004_emotion.txt": "   5.0000000e+00\n",
        "Emotion/S010/002/S010_002_00000003_emotion.txt": "   9.0000000e+00\n",
        "FACS/S010/002/S010_002_00000003_facs.txt": "seventeen 3\n",
        "Landmarks/S010/001/S010_001_00000002_landmarks.txt": "1.5 2.5\n" * 68,
        "Landmarks/S010/002/S010_002_00000001_landmarks.txt": "1.5 2.5\n" * 67,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    reading = read_corpus("ckplus", tmp_path)
    happy, other = reading.clips
    assert (happy.emotion, happy.apex, other.emotion) == ("happy", 3, None)
    assert happy.action_units == (ActionUnit(17, None, 3.0), ActionUnit(4, None, 0.0))
    points = happy.landmarks()
    assert [point is None for point in points] == [True, False, True, True]
    np.testing.assert_array_equal(points[1], np.tile(np.float32([1.5, 2.5]), (68, 1)))
    peak, marks = [reason for _, reason in issues_of(reading, "S010_001")]
    assert peak.startswith(
        "S010_001_00000005_facs.txt does not belong to the last frame; using S010_001_00000004.png"
    )
    assert marks == "3 of 4 frames have no landmarks"
    reasons = " | ".join(reason for _, reason in issues_of(reading, "S010_002"))
    assert "S010_002_00000003_facs.txt: not 2 number(s) a line; the clip has no units" in reasons
    assert "emotion 9 is not in 0-7; the clip has no label" in reasons
    assert issues_of(reading, "S010_003")[0][0] == "skipped"
    with pytest.raises(InputError, match="67 landmarks in place of 68"):
        other.landmarks()


def bp4d_tables(folder, occurrence, intensity):
    for name, text in (("AU_OCC/M003_T2.csv", occurrence), ("AU_INT/AU12/M003_T2_AU12.csv", intensity)):
        path = folder / "AUCoding" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_bp4d_codes(tmp_path, touch, issues_of):
    touch(tmp_path / "Sequences(2D+3D)" / "M003" / "T2", images(4, 7, "{:03d}.jpg"))
    # Image 3 is not there: its AU 2 does not count. Row 5 of the intensities is image 4, row 8 image 7, row 9
    # image 8, which is not there either.
    bp4d_tables(tmp_path, "0,1,2,12\n3,0,1,0\n4,0,0,1\n5,9,0,1\n6,9,9,1\n", "4,5\n5,2\n8,3\n7,9\n9,4\n")
    copy = tmp_path / "AUCoding" / "AU_INT" / "AU12" / "M003_T2_AU12 (1).csv"
    copy.write_text("4,5\n")
    reading = read_corpus("bp4d", tmp_path)
    (clip,) = reading.clips
    assert (clip.subject, clip.name, clip.numbers) == ("M003", "M003_T2", (4, 5, 6, 7))
    assert clip.action_units == (ActionUnit(12, None, 3.0),)
    assert clip.landmarks is None
    assert [reason for _, reason in issues_of(reading, "M003_T2")] == [
        "1 frame(s) with unit codes are missing",
        "3 unit codes are 9 (unknown); counted as not coded",
        "M003_T2_AU12 (1).csv is not named after a unit; ignored",
        "no 2DFeatures/M003_T2.mat; the clip has no landmarks of its own",
    ]


def test_bp4d_tables_that_lack_or_are_damaged(tmp_path, touch, issues_of):
    touch(tmp_path / "Sequences(2D+3D)" / "M003" / "T2", images(1, 3, "{:04d}.jpg"))
    touch(tmp_path / "Sequences(2D+3D)" / "M003" / "T3", [])
    reading = read_corpus("bp4d", tmp_path)
    assert issues_of(reading, "M003_T2")[0] == ("repaired", "no AU_OCC/M003_T2.csv; the clip has no units")
    assert issues_of(reading, "M003_T3")[0][0] == "skipped"
    bp4d_tables(tmp_path, "frame,1\n1,0\n", "1;2\n")
    reasons = [reason for _, reason in issues_of(read_corpus("bp4d", tmp_path), "M003_T2")]
    assert "M003_T2.csv: not a table of whole numbers" in reasons[0]
    assert "intensity of AU 12 unknown" in reasons[1]


def test_bp4d_landmarks(tmp_path, touch, issues_of):
    from scipy.io import savemat

    touch(tmp_path / "Sequences(2D+3D)" / "F001" / "T1", images(1, 4, "{:04d}.jpg"))
    (tmp_path / "2DFeatures").mkdir()
    points = np.arange(98.0).reshape(49, 2)
    fit = np.zeros((1, 4), [("pred", object)])
    for k, point in enumerate((points, np.zeros((0, 0)), points + 1, np.full((49, 2), np.nan))):
        fit[0, k]["pred"] = point
    savemat(tmp_path / "2DFeatures" / "F001_T1.mat", {"fit": fit})
    reading = read_corpus("bp4d", tmp_path)
    first, second, third, fourth = reading.clips[0].landmarks()
    assert second is None
    assert fourth is None
    np.testing.assert_array_equal(first, points.astype(np.float32))
    np.testing.assert_array_equal(third, points.astype(np.float32) + 1)
    assert ("repaired", "2 of 4 frames have no landmarks") in issues_of(reading, "F001_T1")

    savemat(tmp_path / "2DFeatures" / "F001_T1.mat", {"fit": fit[:, :2]})
    reading = read_corpus("bp4d", tmp_path)
    assert reading.clips[0].landmarks is None
    assert any(
        "F001_T1.mat has 2 frames, 4 are on disk" in reason for _, reason in issues_of(reading, "F001_T1")
    )
    (tmp_path / "2DFeatures" / "F001_T1.mat").write_bytes(b"no mat file")
    reading = read_corpus("bp4d", tmp_path)
    assert reading.clips[0].landmarks is None
    assert any("no 49 landmarks a frame" in reason for _, reason in issues_of(reading, "F001_T1"))

import csv

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.micro_expressions.feature_pictures import from_picture
from pipelines.micro_expressions.published_features import (
    align_features,
    read_published_features,
    write_feature_pictures,
)

ROWS = [
    ("casme2", "sub01", "EP02_01f", "1", "", "sub01_EP02_01f.jpg", ""),
    ("smic", "s03", "s3_po_05", "1", "", "s03_s3_po_05.jpg", ""),
    ("samm", "006", "006_1_2", "0", "", "006_006_1_2.jpg", ""),
]
HEADER = ("dataset", "sub", "filename_o", "label", "apex", "imagename", "sub_filename")


def write_table(path, rows, header=HEADER):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, pictures):
    """The folder and table as HTNet's repository has them, with a blank before the dot."""
    (tmp_path / "pictures").mkdir()
    for row, picture in zip(ROWS, pictures, strict=True):
        write_image(tmp_path / "pictures" / f"{row[1]}_{row[2]} .png", picture)
    write_table(tmp_path / "table.csv", ROWS)
    return tmp_path


def read(folder, **options):
    return read_published_features(folder / "pictures", folder / "table.csv", **options)


def test_layout_of_htnet_is_read(folder, pictures):
    samples, counts = read(folder)
    assert samples.corpora == ("casme2", "smic", "samm")
    assert samples.subjects == ("casme2/sub01", "smic/s03", "samm/006")
    assert samples.clips == ("casme2/EP02_01f", "smic/s3_po_05", "samm/006_1_2")
    assert samples.labels.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(samples.features[2], from_picture(pictures[2]))
    assert not samples.issues
    assert [(one.what, one.found, one.published) for one in counts][:4] == [
        ("casme2, negative", 0, 88),
        ("casme2, positive", 1, 32),
        ("casme2, surprise", 0, 25),
        ("casme2, subjects", 1, 24),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("casme3", "sub01", "EP9", "1"), "unknown corpus 'casme3'"),
        (("casme2", "sub99", "EP9", "1"), "unknown subject 'sub99' of casme2"),
        (("samm", "sub01", "EP9", "1"), "unknown subject 'sub01' of samm"),
        (("smic", "s01", "EP9", "3"), "unknown label '3'"),
        (("casme2", "sub01", "EP02_01f", "0"), "sub01, EP02_01f: listed already in line 2"),
        (("casme2", "sub01", "EP9", "1"), "no such file or folder"),
        (("casme2", "sub01", "", "1"), "no filename_o"),
        (("casme2", "sub01"), "unknown label ''"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_read(folder, row, reason):
    write_table(folder / "table.csv", [*ROWS, row])
    samples, _ = read(folder)
    (issue,) = samples.issues
    assert (issue.clip, issue.kind) == ("table.csv, line 5", "skipped")
    assert reason in issue.reason
    assert samples.labels.tolist() == [1, 1, 0]


def test_pictures_that_do_not_fit_are_named(folder):
    write_image(folder / "pictures" / "sub01_EP02_01f .png", np.zeros((14, 28, 3), np.uint8))
    write_image(folder / "pictures" / "sub05_EP01 .png", np.zeros((28, 28, 3), np.uint8))
    samples, _ = read(folder)
    assert [issue.reason.split(": ", 1)[1] for issue in samples.issues] == [
        "28x14 pixels, not 28x28",
        "no row of the table names it",
    ]
    assert len(samples.labels) == 2


def test_a_table_without_its_columns(folder):
    write_table(folder / "table.csv", [], ("dataset", "subject"))
    with pytest.raises(InputError, match="no column sub, filename_o, label"):
        read(folder)
    write_table(folder / "table.csv", [])
    with pytest.raises(InputError, match="no row can be used"):
        read(folder)


def test_what_is_written_is_read(folder, tmp_path):
    samples, _ = read(folder)
    write_feature_pictures(tmp_path / "again", samples)
    again, _ = read_published_features(tmp_path / "again" / "pictures", tmp_path / "again" / "table.csv")
    assert (again.subjects, again.clips, again.labels.tolist()) == (
        samples.subjects,
        samples.clips,
        samples.labels.tolist(),
    )
    np.testing.assert_allclose(again.features, samples.features, atol=0.02)


def test_alignment_moves_cells_as_pixels_move():
    """A blob drawn on the crop and averaged over cells lies where the crop's similarity takes it."""

    def cells(centre):
        y, x = np.mgrid[:224, :224]
        blob = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 16**2))
        return np.stack([cv2.resize(blob, (28, 28), interpolation=cv2.INTER_AREA)] * 3, -1).astype(np.float32)

    similarity = np.array([[0.7, -0.05, 40.0], [0.05, 0.7, 20.0]])
    moved = align_features(cells((100, 130)), similarity)[..., 0]
    y, x = np.mgrid[:28, :28] * 8 + 3.5
    centre = np.array([(moved * x).sum(), (moved * y).sum()]) / moved.sum()
    np.testing.assert_allclose(centre, similarity @ (100, 130, 1), atol=0.3)


def test_faces_are_aligned_by_their_crops(folder, portrait):
    for row in ROWS[:2]:
        write_image((folder / "crops" / row[5]).with_suffix(".png"), portrait)
    rows = [(*row[:5], row[5].replace(".jpg", ".png")) for row in ROWS]
    write_image(folder / "crops" / rows[2][5], np.zeros((224, 224, 3), np.uint8))
    write_table(folder / "table.csv", rows)
    samples, _ = read(folder, crops=folder / "crops")
    (issue,) = samples.issues
    assert (issue.clip, issue.kind) == ("samm/006_1_2", "repaired")
    assert "median of all other" in issue.reason
    assert samples.features.shape == (3, 28, 28, 3)
    assert not np.allclose(samples.features, read(folder)[0].features)

"""Features that others have published or computed: a folder of 28 x 28 pictures and a table.

The layout is that of the repositories of STSTNet and HTNet. The table is a CSV file with the columns
`dataset`, `sub`, `filename_o`, `label` (0 negative, 1 positive, 2 surprise) and `imagename` (of the crop of
the apex frame). The picture of a row is `{sub}_{filename_o} .png`, with a blank before the dot; see
`feature_pictures` for what it holds.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.datasets.composite import CLASSES, PUBLISHED
from pipelines.datasets.reading import Count, Issue
from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.io.images import read_image, write_image
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.micro_expressions.alignment import CROP, alignment
from pipelines.micro_expressions.feature_pictures import SHAPE, from_picture, normalise, to_picture
from pipelines.micro_expressions.features import CELL, SIZE
from pipelines.micro_expressions.samples import Samples

TABLE, ARRAYS = "table.csv", "features.npz"
COLUMNS = ("dataset", "sub", "filename_o", "label", "apex", "imagename")
_NEEDED = ("dataset", "sub", "filename_o", "label")
#: How each corpus names its subjects.
_SUBJECTS = {
    "casme2": r"sub(0[1-9]|1\d|2[0-6])",
    "samm": r"0(0[6-9]|[12]\d|3[0-7])",
    "smic": r"s(0[1-9]|1\d|20)",
}


_README = """Features of facial motion from onset to apex, written by `faceflow features`.

Channels   0 = u, motion to the right; 1 = v, motion down; 2 = optical strain,
           sqrt(ux^2 + vy^2 + (uy + vx)^2 / 2).
Pictures   8-bit PNG, 28 x 28: red = u, green = v, blue = strain. OpenCV's imread gives them
           in the opposite order. Each channel is stretched to 0..255 by its own least and
           largest value: the scale, and where zero is, are in features.npz only.
Crop       224 x 224, each cell of the features 8 x 8 pixels of it. A similarity brings the
           landmarks on bone to fixed places: 18 cm of the face across, the centre 3 cm below
           the middle between the eyes.
Flow       method {method}, from onset to apex, in the crop; the head's rigid motion {head}.
           For SMIC, which codes no apex, it is spotted.
Scale      u and v divided by their common root mean square over the crop, strain by its own;
           a face that moves less than 0.05 pixels of the crop is not blown up.
Labels     0 negative, 1 positive, 2 surprise, as MEGC 2019 merges them; -1 in features.npz
           and blank in table.csv for pairs, which have none.
Names      pictures/SUBJECT_CLIP .png, with a blank before the dot, as HTNet has them.
"""


@dataclass(frozen=True)
class _Row:
    number: int  # in the file, from 1 on, as a spreadsheet shows it
    corpus: str
    subject: str
    clip: str
    label: int
    crop: str

    @property
    def picture(self) -> str:
        return picture_name(self.subject, self.clip)


def picture_name(subject: str, clip: str) -> str:
    """Return the file name of a clip's features: `sub01_EP02_01f .png`."""
    return f"{subject}_{clip} .png"


def read_published_features(
    folder: Path, table: Path, crops: Path | None = None
) -> tuple[Samples, list[Count]]:
    """Read a folder of feature pictures and its table.

    Args:
        folder: folder of the pictures, 28 x 28.
        table: CSV file, one row a clip.
        crops: folder of the apex crops, `imagename` of the table. With them each picture is aligned by the
            landmarks of its crop, as features of FaceFlow are; without them pictures stay as they are.

    Returns:
        (the samples, in the order of the table; their numbers by corpus and class beside the published ones).
        Whatever is not used is named in `Samples.issues`.

    Raises:
        InputError: if a folder or the table is absent or has not the columns, or no row can be used.
    """
    folder, table = check_exists(Path(folder)), check_exists(Path(table))
    rows, issues = _read_table(table)
    features, kept = [], []
    for row in rows:
        try:
            picture = read_image(folder / row.picture)
            if picture.shape != SHAPE:
                height, width = picture.shape[:2]
                raise InputError(f"{folder / row.picture}: {width}x{height} pixels, not 28x28")
        except InputError as error:
            issues.append(_skipped(table, row.number, str(error)))
            continue
        features.append(from_picture(picture))
        kept.append(row)
    strangers = sorted({path.name for path in folder.glob("*.png")} - {row.picture for row in rows})
    issues += [Issue(name, "skipped", f"{folder / name}: no row of the table names it") for name in strangers]
    if not kept:
        raise InputError(f"{table}: no row can be used; {issues[0].clip}: {issues[0].reason}")
    stacked = np.stack(features)
    if crops is not None:
        stacked = _align(stacked, kept, check_exists(Path(crops)), issues)
    samples = Samples(
        stacked,
        np.array([row.label for row in kept], np.int32),
        tuple(row.corpus for row in kept),
        tuple(f"{row.corpus}/{row.subject}" for row in kept),
        tuple(f"{row.corpus}/{row.clip}" for row in kept),
        issues,
    )
    return samples, count_classes(samples)


def count_classes(samples: Samples) -> list[Count]:
    """Count the clips of each corpus and class, and its subjects, beside what MEGC 2019 published."""
    found = Counter(zip(samples.corpora, samples.labels.tolist(), strict=True))
    counts = []
    for corpus in dict.fromkeys(samples.corpora):
        classes, subjects = PUBLISHED[corpus]
        counts += [
            Count(f"{corpus}, {name}", found[corpus, k], classes[name]) for k, name in enumerate(CLASSES)
        ]
        own = {name for name in samples.subjects if name.startswith(f"{corpus}/")}
        counts.append(Count(f"{corpus}, subjects", len(own), subjects))
    return counts


def align_features(features: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Move the features of a crop to where they lie in FaceFlow's aligned crop.

    Args:
        features: float32 [28, 28, 3], whose cells are 8 x 8 pixels of a crop of 224 x 224.
        similarity: float64 [2, 3], from that crop to the aligned one, pixels; see `alignment.alignment`.

    Returns:
        float32 [28, 28, 3], sampled bilinearly; what lies outside of the crop has no motion. Vectors are not
        turned, for the scales of u and v are not known.
    """
    # Cell c is centred on pixel 8 c + 3.5.
    middle = (CELL - 1) / 2
    shift = (similarity[:, 2] + similarity[:, :2] @ (middle, middle) - middle) / CELL
    moved = cv2.warpAffine(features, np.column_stack([similarity[:, :2], shift]), (SIZE, SIZE))
    return normalise(moved)


def write_features(folder: Path, samples: Samples, method: str, remove_head: bool) -> None:
    """Write features as arrays, as pictures, and with a text that says what they are.

    Args:
        folder: new folder to write.
        samples: samples whose features are written.
        method: name of the flow method, for the text.
        remove_head: whether the head's motion was taken off, for the text.
    """
    write_feature_pictures(folder, samples)
    np.savez_compressed(
        folder / ARRAYS,
        features=samples.features,
        labels=samples.labels,
        corpora=np.array(samples.corpora),
        subjects=np.array(samples.subjects),
        clips=np.array(samples.clips),
    )
    head = "was taken off" if remove_head else "is in it"
    (folder / "README.txt").write_text(_README.format(method=method, head=head))


def write_feature_pictures(folder: Path, samples: Samples) -> None:
    """Write features in the same layout: `pictures/`, and `table.csv` with a row for each clip.

    Args:
        folder: folder to write; pictures of the same name are replaced.
        samples: samples whose features are written. A label below 0 stands for none and is left blank.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rows = []
    for features, label, corpus, subject, clip in zip(
        samples.features,
        samples.labels.tolist(),
        samples.corpora,
        samples.subjects,
        samples.clips,
        strict=True,
    ):
        subject, clip = subject.split("/", 1)[-1], clip.split("/", 1)[-1]
        clip = clip.removeprefix(f"{subject}-")
        write_image(folder / "pictures" / picture_name(subject, clip), to_picture(features))
        rows.append((corpus, subject, clip, label if label >= 0 else "", "", f"{subject}_{clip}.jpg"))
    with replacing(folder / TABLE) as part, part.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def _read_table(table: Path) -> tuple[list[_Row], list[Issue]]:
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        if absent := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
            raise InputError(f"{table}: no column {', '.join(absent)}; the first line names the columns")
        lines = [(reader.line_num, line) for line in reader]
    rows: dict[str, _Row] = {}
    issues = []
    for number, line in lines:
        corpus, subject, clip, label = ((line[name] or "").strip() for name in _NEEDED)
        if wrong := _fault(corpus, subject, clip, label):
            issues.append(_skipped(table, number, wrong))
            continue
        row = _Row(number, corpus, subject, clip, int(label), (line.get("imagename") or "").strip())
        if first := rows.get(row.picture):
            reason = f"{subject}, {clip}: listed already in line {first.number}"
            issues.append(_skipped(table, number, reason))
            continue
        rows[row.picture] = row
    return list(rows.values()), issues


def _fault(corpus: str, subject: str, clip: str, label: str) -> str | None:
    """What is wrong with a row of the table."""
    if corpus not in PUBLISHED:
        return f"unknown corpus {corpus!r}; use one of: {', '.join(PUBLISHED)}"
    if not re.fullmatch(_SUBJECTS[corpus], subject):
        return f"unknown subject {subject!r} of {corpus}"
    if label not in {str(k) for k in range(len(CLASSES))}:
        return f"unknown label {label!r}; 0 is negative, 1 positive, 2 surprise"
    return None if clip else "no filename_o"


def _skipped(table: Path, number: int, reason: str) -> Issue:
    return Issue(f"{table.name}, line {number}", "skipped", reason)


def _align(features: np.ndarray, rows: Iterable[_Row], crops: Path, issues: list[Issue]) -> np.ndarray:
    """Align features by their crops; where a crop is absent or shows no face, by the median of all others."""
    found: list[np.ndarray | None] = []
    with FaceMesh() as face_mesh:
        for row in rows:
            try:
                crop = read_image(crops / row.crop)
                face = find_face(face_mesh, cv2.resize(crop, (CROP, CROP)), str(crops / row.crop))
                found.append(alignment(face.landmarks))
            except InputError as error:
                found.append(None)
                reason = f"{error}; aligned by the median of all other crops"
                issues.append(Issue(f"{row.corpus}/{row.clip}", "repaired", reason))
    if all(one is None for one in found):
        raise InputError(f"{crops}: no crop shows a face; {issues[-1].reason.split(';')[0]}")
    median = np.median([one for one in found if one is not None], axis=0)
    return np.stack(
        [
            align_features(each, median if one is None else one)
            for each, one in zip(features, found, strict=True)
        ]
    )

"""`statistics.html`: what a folder of records holds, for people."""

from collections import defaultdict
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from pipelines.io.tfrecord_writer import PairRecord, read_record
from pipelines.records.build_config import BuildConfig
from pipelines.records.manifest import MOTION_EDGES, ClipReport, Manifest
from pipelines.visualization.report import Figure, Histogram, Section, Table, write_report

STATISTICS = "statistics.html"
_MEASURED_PAIRS = 8  # spread over the clips; a label there and back is made of each
_SHOWN_PAIRS = 4
_SIDE = 256  # of the crops that labels are measured on, pixels


def write_statistics(out: Path, manifest: Manifest) -> None:
    """Write the page beside the shards that it is about."""
    used = [clip for clip in manifest.clips if clip.shard]
    subjects = len({clip.subject for clip in used})
    summary = (
        f"{manifest.pairs} pairs of frames ({manifest.settings.pairs}) from {len(used)} clips of {subjects} "
        f"subjects; {len(manifest.failures)} clips were skipped."
    )
    sections = [
        _motion(used),
        *_labels(out, used, manifest.settings),
        _subjects(used),
        _clips(used),
        *_skipped(manifest),
    ]
    write_report(out / STATISTICS, f"Records of {manifest.source}", summary, sections)


def _motion(used: list[ClipReport]) -> Section:
    edges = [f"{edge:g}" for edge in MOTION_EDGES]
    names = [f"to {edges[0]}", *(f"{a}-{b}" for a, b in pairwise(edges))]
    counts = np.sum([clip.motion for clip in used], axis=0).tolist()
    caption = "Pairs by the mean motion of their landmarks, in pixels of the frames."
    return Section("Motion", histograms=[Histogram([*names, f"over {edges[-1]}"], counts, caption)])


def _labels(out: Path, used: list[ClipReport], config: BuildConfig) -> list[Section]:
    # Imported here: compiled code that the workers of a build do without.
    from pipelines.labels import make_label
    from pipelines.labels.quality import label_quality
    from pipelines.visualization.flow_pictures import flow_panel

    method = config.label or ("mesh" if config.landmarks == "face_mesh" else "sparse")
    rows, figures, qualities = [], [], []
    for clip in _spread(used, _MEASURED_PAIRS):
        record = read_record(out / clip.shard, clip.pairs // 2)
        frames, points = _crops(record)
        label = make_label(method, *frames, *points)
        backward = make_label(method, *frames[::-1], *points[::-1])
        qualities.append(astuple(label_quality(*frames, label, backward)))
        name = f"{record.clip}, {record.number1}-{record.number2}"
        rows.append([name, *_rounded(qualities[-1])])
        figures.append(Figure(flow_panel(*frames, label.flow, label.valid), name))
    rows.append(["mean", *_rounded(np.nanmean(qualities, axis=0))])
    columns = ["pair", "residual", "without warping", "there and back, px", "confidence", "coverage"]
    caption = (
        f"Label {method} on crops of {_SIDE} pixels around the face. Residual: mean absolute difference of "
        "frame 1 and frame 2 warped back by the label, of 255, where it is valid."
    )
    table = Table(columns, rows, caption)
    shown = _spread(figures, _SHOWN_PAIRS)
    text = "Frame 1, frame 2, the label in colour, and as arrows."
    return [Section("Label quality", tables=[table]), Section("Samples", text, figures=shown)]


def _subjects(used: list[ClipReport]) -> Section:
    by_subject = defaultdict(list)
    for clip in used:
        by_subject[clip.subject].append(clip)
    rows = [
        [subject, *(str(sum(column)) for column in zip(*map(_counts, clips), strict=True))]
        for subject, clips in by_subject.items()
    ]
    columns = ["subject", "clips", "pairs", "frames", "without a face", "with several"]
    return Section("Subjects", tables=[Table(columns, rows)])


def _counts(clip: ClipReport) -> tuple[int, ...]:
    return 1, clip.pairs, clip.frames, clip.without_face, clip.with_several_faces


def _clips(used: list[ClipReport]) -> Section:
    columns = ["clip", "pairs", "frames", "without a face", "with several", "jitter, px", "smoothed, px"]
    rows = [
        [clip.clip, *map(str, _counts(clip)[1:]), *map(_pixels, (clip.jitter, clip.jitter_smoothed))]
        for clip in used
    ]
    caption = (
        "Jitter: change of the landmarks from frame to frame beyond what all of them share; on a moving face "
        "its own motion counts too."
    )
    return Section("Clips", tables=[Table(columns, rows, caption)])


def _skipped(manifest: Manifest) -> list[Section]:
    sections = []
    if manifest.counts:
        rows = [[count.what, str(count.found), str(count.published)] for count in manifest.counts]
        sections.append(Section("Corpus", tables=[Table(["what", "found", "published"], rows)]))
    if manifest.issues:
        rows = [[issue.clip, issue.kind, issue.reason] for issue in manifest.issues]
        sections.append(Section("Issues", tables=[Table(["clip", "kind", "reason"], rows)]))
    if manifest.failures:
        rows = [[clip.clip, clip.failure] for clip in manifest.failures]
        sections.append(Section("Skipped clips", tables=[Table(["clip", "reason"], rows)]))
    return sections


def _crops(record: PairRecord) -> tuple[list[np.ndarray], list[np.ndarray]]:
    # Imported here, as the labels.
    from pipelines.image.crops import crop_around

    points = record.landmarks1, record.landmarks2
    crop = crop_around(np.concatenate(points), _SIDE)
    pngs = (np.frombuffer(png, np.uint8) for png in (record.png1, record.png2))
    frames = (cv2.imdecode(png, cv2.IMREAD_COLOR)[..., ::-1] for png in pngs)
    return [np.ascontiguousarray(crop.picture(frame)) for frame in frames], [crop.points(p) for p in points]


def _spread(items: list, count: int) -> list:
    return [items[int(k)] for k in np.linspace(0, len(items) - 1, min(count, len(items)))]


def _rounded(quality) -> list[str]:
    return [f"{value:.2f}" for value in quality]


def _pixels(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

"""Result of an analysis, and the files that are written once it is complete."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.clip_pictures import FULL_MM, FULL_STRAIN
from pipelines.clip_analysis.region_table import SIDES, TABLE_REGIONS
from pipelines.clip_analysis.results.clip_report import write_clip_report
from pipelines.clip_analysis.results.elan import write_elan

#: Regions whose motion can be an expression. The eyes are left out, because they move with every blink.
EVENT_REGIONS = tuple(f"{region} {side}" for region in TABLE_REGIONS if region != "eyes" for side in SIDES)


@dataclass(frozen=True, eq=False)
class ClipAnalysis:
    """Result of the analysis of a clip.

    Attributes:
        clip: path of the clip.
        folder: folder of the results; None if they were not written.
        times: time of each frame, float64 [T], seconds.
        video_times: when a player shows each frame, float64 [T], seconds; other than `times` if a rate was
            given, or if the sound of the video begins before its first frame.
        references: numbers of the reference frames.
        motion: mean motion (u, v) of `EVENT_REGIONS` relative to the head, float32 [T, R, 2], pixels of the
            224 x 224 crop; NaN where unknown.
        status: status of each frame: tracked, restarted, lost or no_face.
        events: events in the order of their onsets.
        notes: remarks for the user.
        mm_per_pixel: millimetres per pixel of the 224 x 224 crop, float64 [T]; it depends on the reference,
            and is NaN in frames without one.
    """

    clip: Path
    folder: Path | None
    times: np.ndarray
    video_times: np.ndarray
    references: tuple[int, ...]
    motion: np.ndarray
    status: tuple[str, ...]
    events: tuple[FoundEvent, ...]
    notes: tuple[str, ...]
    mm_per_pixel: np.ndarray


def event_row(event: FoundEvent, times: np.ndarray) -> dict[str, str | int | float]:
    """Return an event by the columns of events.csv.

    Args:
        event: event of a clip.
        times: time of each frame, float [T], seconds.
    """
    seconds = {f"{name}_s": float(times[getattr(event, name)]) for name in ("onset", "apex", "offset")}
    return asdict(event) | seconds


def write_results(
    folder: Path, analysis: ClipAnalysis, magnify: float, rate: float, reference: np.ndarray | None
) -> None:
    """Write events.csv, events.eaf, summary.json and, if there is a video, report.html.

    Args:
        folder: folder of the results.
        analysis: result of the analysis.
        magnify: magnification factor of the video.
        rate: frames per second of the video.
        reference: face in the first reference frame, uint8 [384, 384, 3], RGB; None without a video.
    """
    columns = (
        "kind", "label", "probability", "onset", "apex", "offset", "onset_s", "apex_s", "offset_s", "peak",
        "region",
    )  # fmt: skip
    with (folder / "events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for event in analysis.events:
            row = event_row(event, analysis.times)
            seconds = {name: f"{row[name]:.4f}" for name in columns if name.endswith("_s")}
            numbers = {"peak": f"{event.peak:.3f}", "probability": _text(event.probability)}
            writer.writerow(row | seconds | numbers)
    write_elan(
        folder / "events.eaf", analysis.clip, analysis.folder, list(analysis.events), analysis.video_times
    )
    kinds = [event.kind for event in analysis.events]
    summary = {
        "clip": analysis.clip.name,
        "frames": len(analysis.times),
        "seconds": round(float(analysis.times[-1]), 4),
        "references": list(analysis.references),
        "tracked": sum(status in ("tracked", "restarted") for status in analysis.status),
        "lost": analysis.status.count("lost"),
        "no_face": analysis.status.count("no_face"),
        "events": {kind: kinds.count(kind) for kind in ("micro", "macro", "blink")},
        "notes": list(analysis.notes),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    if reference is not None:
        lengths = np.linalg.norm(analysis.motion, axis=-1) * analysis.mm_per_pixel[:, None]
        curves = {name.replace("_", " "): lengths[:, k] for k, name in enumerate(EVENT_REGIONS)}
        write_clip_report(
            folder / "report.html", analysis.clip.name, analysis.times, rate, curves, analysis.events,
            analysis.notes, reference, magnify, FULL_MM, FULL_STRAIN,
        )  # fmt: skip


def _text(probability: float) -> str:
    return "" if np.isnan(probability) else f"{probability:.3f}"

"""The report of an analysed clip: one self-contained HTML page."""

import base64
import json
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np

from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.files import replacing
from pipelines.io.images import encode_png

_MOST_POINTS = 2000  # points of a curve: more than a screen has pixels
_LARGEST_EMBEDDED = 40e6  # bytes; a larger video is linked and not embedded in the page


def write_clip_report(
    path: Path | str,
    name: str,
    times: np.ndarray,
    rate: float,
    curves: dict[str, np.ndarray],
    events: tuple[FoundEvent, ...],
    notes: tuple[str, ...],
    reference: np.ndarray,
    magnify: float,
    full_mm: float,
    full_strain: float,
) -> None:
    """Write the report beside `magnified.mp4`.

    Args:
        path: path of the page, in the folder of the video.
        name: name of the clip.
        times: time of each frame in the clip, float [T], seconds.
        rate: frames per second of the video, which is constant also where that of the clip is not.
        curves: motion relative to the head by the name of the region, float [T] each, mm; NaN where unknown.
        events: detected events.
        notes: remarks for the reader.
        reference: face in the reference frame, uint8 [384, 384, 3], RGB.
        magnify: magnification factor of the video.
        full_mm: motion that is shown in full colour, mm.
        full_strain: strain that is shown as white.
    """
    path = Path(path)
    every = -(-len(times) // _MOST_POINTS)
    data = {
        "times": [round(float(time), 4) for time in times],
        "rate": rate,
        "every": every,
        "curves": {name: _largest_of(curve, every) for name, curve in curves.items()},
        "events": [
            {"onset": round(float(times[event.onset]), 4), "offset": round(float(times[event.offset]), 4)}
            for event in events
        ],
    }
    rows = [
        (region, f"{np.nanmax(curve):.2f}", f"{times[int(np.nanargmax(curve))]:.2f}")
        for region, curve in curves.items()
        if np.isfinite(curve).any()
    ]
    template = resources.files("pipelines.clip_analysis.results").joinpath("clip_report.html.j2").read_text()
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    kinds = [event.kind for event in events]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("micro", "macro", "blink"))
    content = page.render(
        title=f"Motion of {name}",
        summary=f"{len(times)} frames, {times[-1]:.1f} seconds. Events: {counted}.",
        notes=notes,
        video=_video(path.with_name("magnified.mp4")),
        video_label=(
            f"Top: the face, and the face with its motion relative to the head magnified {magnify:g} times. "
            "Bottom: this motion in colour (hue is direction), and optical strain."
        ),
        scale=f"Full colour is a motion of {full_mm:g} mm; white is a strain of {full_strain:g}.",
        duration=f"{times[-1]:.2f}",
        events=[{"frame": event.apex, "text": _text(event, float(times[event.apex]))} for event in events],
        reference="data:image/png;base64," + base64.b64encode(encode_png(reference)).decode(),
        table=rows,
        # Escaped, so that no text in the data can end the script.
        data=json.dumps(data).replace("<", "\\u003c"),
    )
    with replacing(path) as part:
        part.write_text(content)


def _text(event: FoundEvent, seconds: float) -> str:
    what = event.answer or event.region.replace("_", " ")
    return f"{event.kind} at {seconds:.2f} s: {what}"


def _video(path: Path) -> str:
    if path.stat().st_size > _LARGEST_EMBEDDED:
        return path.name
    return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()


def _largest_of(curve: np.ndarray, every: int) -> list[float | None]:
    """Return the largest of each `every` values, so no short peak is lost; None where all are unknown."""
    found = []
    for first in range(0, len(curve), every):
        part = curve[first : first + every]
        part = part[np.isfinite(part)]
        found.append(round(float(part.max()), 4) if len(part) else None)
    return found

"""`faceflow analyze`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import gauge, print_table, say


def analyze(
    clip: Positional[Annotated[Path, arg(metavar="CLIP")]],
    out: Out,
    reference: Annotated[int | None, arg(metavar="FRAME")] = None,
    magnify: float = 8.0,
    rate: float | None = None,
    interpupillary_mm: float = 63.0,
    model: Annotated[str, arg(metavar="PRESET|RUN|METHOD")] = "default",
) -> None:
    """Measure how a face moves over time: tables, events, a magnified video and a report.

    Writes motion.csv (one row a frame and region), frames.csv (head, eyes, quality), events.csv and
    events.eaf (for ELAN), magnified.mp4, report.html and summary.json.

    Args:
        clip: Video, or folder of pictures.
        out: Folder for the results.
        reference: Number of the frame that motion is measured against, from 0. By default the most neutral
            and most still frame.
        magnify: Factor of the motion in magnified.mp4; 0 for no video.
        rate: Frames per second. By default the time stamps of the video; 25 for a folder of pictures.
        interpupillary_mm: Distance of the subject's pupils, millimetres; the scale of all millimetres.
        model: Name of a preset, folder of a training run or SavedModel, or a classical method. By default the
            network that comes with FaceFlow.
    """
    from faceflow.api import analyze as run

    with gauge("analyze") as show:
        analysis = run(
            clip,
            out,
            reference=reference,
            magnify=magnify,
            rate=rate,
            interpupillary_mm=interpupillary_mm,
            model=model,
            progress=lambda _, done, total: show(done, total),
        )
    for note in analysis.notes:
        say(f"{clip}: {note}")
    if analysis.events:
        rows = [
            (
                event.kind,
                *(f"{analysis.times[frame]:.2f} s" for frame in (event.onset, event.apex, event.offset)),
                event.region,
                f"{event.peak:.2f}",
            )
            for event in analysis.events
        ]
        print_table(("event", "onset", "apex", "offset", "region", "peak"), rows)
    say(f"{out}: {len(analysis.times)} frames, {len(analysis.events)} events")

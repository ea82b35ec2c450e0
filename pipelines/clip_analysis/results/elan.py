"""Events as an ELAN file, which ELAN opens together with the video.

References:
    Wittenburg et al., "ELAN: a professional framework for multimodality research", LREC 2006.
"""

import contextlib
import io
import mimetypes
import os
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.files import replacing

_TIERS = {"micro": "micro-expressions", "macro": "macro-expressions", "blink": "blinks"}


def write_elan(
    path: Path | str, clip: Path, folder: Path, events: list[FoundEvent], times: np.ndarray
) -> None:
    """Write events as annotations: a tier for each kind of event, and one for the apexes of each kind.

    Annotations of one tier do not overlap, as ELAN requires.

    Args:
        path: path of the ELAN file, with the suffix .eaf.
        clip: path of the video.
        folder: folder in which the file will lie, from where the video is found after both have moved.
        events: detected events.
        times: time of each frame in the video, float [T], seconds.
    """
    from pympi.Elan import Eaf

    document = Eaf(author="FaceFlow")
    document.remove_tier("default")
    for tier in _TIERS.values():
        document.add_tier(tier)
        document.add_tier(f"{tier}, apex")
    # ELAN counts in milliseconds, and an annotation must have a duration.
    milliseconds = np.rint(np.append(times, times[-1] + 0.04) * 1000).astype(int).tolist()
    for event in events:
        begin, end = milliseconds[event.onset], milliseconds[event.offset]
        label = event.label or event.region.replace("_", " ")
        document.add_annotation(_TIERS[event.kind], begin, max(end, begin + 1), label)
        apex = milliseconds[event.apex]
        document.add_annotation(
            f"{_TIERS[event.kind]}, apex", apex, max(milliseconds[event.apex + 1], apex + 1), label
        )
    if clip.is_file():
        try:
            relative = os.path.relpath(clip.resolve(), folder.resolve())
        except ValueError:  # another drive (Windows)
            relative = None
        guess = mimetypes.guess_type(clip.name)[0] or ""
        kind = guess if guess.startswith("video/") else "video/*"
        # ELAN writes its addresses unescaped.
        place = clip.resolve().as_posix()
        address = f"file://{place}" if place.startswith("/") else f"file:///{place}"
        document.add_linked_file(address, relative and Path(relative).as_posix(), mimetype=kind)
    # pympi prints the path that it writes, and keeps a copy of a file that it replaces.
    with replacing(path) as part, contextlib.redirect_stdout(io.StringIO()):
        document.to_file(str(part), pretty=True)

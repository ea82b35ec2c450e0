"""Notes of an analysis: what a reader of its tables should know about the clip and the track."""

from collections.abc import Sequence

import numpy as np

from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.even_times import LONGEST_GAP
from pipelines.clip_analysis.tracking.clip_motion import ClipMotion

# Share of the face that repeats the frame before, from which a note says so. In rendered clips of H.264 at
# CRF 20, micro-expressions are lost from about .4 on.
_MUCH_COPIED = 0.25
_GAP = 3.0  # usual distances of frames: a longer one is said


def survey_notes(motion: ClipMotion, named: int | None) -> list[str]:
    """Describe the file, its shots and their reference frames.

    Args:
        motion: the clip after its first pass.
        named: number of the reference frame that the user named.
    """
    found, notes = motion.survey, []
    if motion.intact_frames:
        notes.append(f"the file is truncated; its {motion.intact_frames} intact frames are analysed")
    for shot, number in motion.references.items():
        how = "named" if named == number else "found: the most neutral and most still frame"
        where = "" if len(found.shots) == 1 else f" of frames {shot.first} to {shot.last}"
        notes.append(f"the reference{where} is frame {number} ({how})")
    if found.frames == 1:
        notes.append("the clip has one frame, so nothing moves in it")
    if len(found.shots) > 1:
        starts = ", ".join(str(shot.first) for shot in found.shots[1:])
        notes.append(f"cuts before frame {starts}; each shot with a face has a reference of its own")
    if found.most_faces > 1:
        notes.append(f"up to {found.most_faces} faces in a frame; the largest one of each shot is followed")
    return notes


def gap_notes(times: np.ndarray) -> list[str]:
    """Name the longest time between two frames if it is much longer than usual.

    Args:
        times: time of each frame, float [T], seconds.

    Examples:
        >>> gap_notes(np.array([0.0, 0.04, 0.08, 0.58, 0.62]))[0][:42]
        '0.50 s lie between frames 2 and 3, 0.040 s'
    """
    steps = np.diff(times)
    if not len(steps) or steps.max() < _GAP * np.median(steps):
        return []
    before = int(steps.argmax())
    return [
        f"{steps[before]:.2f} s lie between frames {before} and {before + 1}, {np.median(steps):.3f} s "
        "between most others: frames are missing there, or the frame rate varies"
    ]


def cut_off_notes(
    events: Sequence[FoundEvent], status: Sequence[str], references: np.ndarray, times: np.ndarray
) -> list[str]:
    """Name the macro-expressions that go on where the clip, a shot or the view of the face begins or ends.

    Args:
        events: events of the clip.
        status: status of each frame.
        references: number of the reference frame of each frame, int [T].
        times: time of each frame, float [T], seconds.
    """
    seen = np.array([each not in ("no_face", "lost") for each in status])
    notes = []
    for event in (each for each in events if each.kind == "macro"):
        usable = times[seen & (references == references[event.apex])]
        before, after = times[event.onset] - usable, usable - times[event.offset]
        ends = [
            end
            for end, beyond in (("beginning", before), ("end", after))
            if not ((beyond > 0) & (beyond <= LONGEST_GAP)).any()
        ]
        if ends:
            notes.append(
                f"the macro-expression of frames {event.onset} to {event.offset} goes on at the "
                f"{' and the '.join(ends)} of what is seen of the face; its apex, peak and duration are "
                "those of the part that is seen"
            )
    return notes


def track_notes(status: Sequence[str], copied: np.ndarray) -> list[str]:
    """Count frames that are lost, without a face, or copies, and name strong compression.

    Args:
        status: status of each frame.
        copied: share of the face that repeats the frame before, float [T]; NaN where unknown.
    """
    lost, absent = status.count("lost"), status.count("no_face")
    notes = [f"the track is lost in {lost} of {len(status)} frames"] if lost else []
    notes += [f"{absent} of {len(status)} frames have no face"] if absent else []
    if repeated := int((copied == 1).sum()):
        notes.append(
            f"{repeated} of {len(status)} frames repeat the face of the frame before: they are "
            "duplicates, or the video is strongly compressed"
        )
    known = copied[np.isfinite(copied)]
    # Duplicated frames do no harm to the others, unless nearly all are.
    partly = known[known < 1] if repeated < 0.7 * known.size else known
    if partly.size and (share := float(np.median(partly))) >= _MUCH_COPIED:
        notes.append(
            f"the compression of the video copies {share:.0%} of the face from frame to frame, so that "
            "small motion is lost; analyse the original recording, or one with less compression"
        )
    return notes

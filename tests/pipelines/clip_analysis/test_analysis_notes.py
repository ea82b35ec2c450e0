import numpy as np
import pytest

from pipelines.clip_analysis.analysis_notes import cut_off_notes, gap_notes, track_notes
from pipelines.clip_analysis.clip_events import FoundEvent

TIMES = np.arange(50) / 25
EVENT = FoundEvent("macro", 10, 20, 30, 3.0, "mouth right")


@pytest.mark.parametrize(
    ("absent", "end"),
    [((), None), ((31,), None), (range(31, 50), "the end"), (range(10), "the beginning")],
)
def test_an_expression_goes_on_where_the_face_is_not_seen_for_long(absent, end):
    status = ["no_face" if number in absent else "tracked" for number in range(50)]
    notes = cut_off_notes([EVENT], status, np.zeros(50, int), TIMES)
    assert len(notes) == (end is not None)
    assert all(f"frames 10 to 30 goes on at {end} of what is seen" in note for note in notes)


def test_an_expression_goes_on_where_another_reference_begins():
    references = np.where(np.arange(50) < 31, 0, 40)
    (note,) = cut_off_notes([EVENT], ["tracked"] * 50, references, TIMES)
    assert "goes on at the end" in note
    blink = FoundEvent("blink", 10, 20, 30, 0.8, "eyes")
    assert cut_off_notes([blink], ["tracked"] * 50, references, TIMES) == []


def test_frames_that_lack_or_repeat_something_are_counted():
    status = ["tracked"] * 7 + ["lost", "no_face", "no_face"]
    copied = np.array([np.nan, 0.1, 1.0, 0.1, 0.1, 0.2, 0.0, 0.1, np.nan, np.nan])
    assert [note.split(":")[0] for note in track_notes(status, copied)] == [
        "the track is lost in 1 of 10 frames", "2 of 10 frames have no face",
        "1 of 10 frames repeat the face of the frame before",
    ]  # fmt: skip
    (note,) = track_notes(["tracked"] * 4, np.array([np.nan, 0.3, 0.5, 0.4]))
    assert "copies 40% of the face" in note


def test_a_gap_in_the_recording_is_named():
    assert gap_notes(TIMES) == gap_notes(TIMES[:1]) == []
    (note,) = gap_notes(np.concatenate([TIMES[:10], TIMES[10:] + 1]))
    assert note.startswith("1.04 s lie between frames 9 and 10, 0.040 s between most others")

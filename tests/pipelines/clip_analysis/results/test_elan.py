import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.results.elan import write_elan


def test_annotations_as_elan_reads_them(tmp_path, capsys):
    """Read back as XML, by the schema: time slots in milliseconds, one tier for each kind."""
    clip = tmp_path / "my clips" / "clip.mov"
    clip.parent.mkdir()
    clip.touch()
    events = [
        FoundEvent("micro", 5, 10, 15, 1.0, "mouth left", "positive"),
        FoundEvent("macro", 18, 22, 28, 1.0, "jaw left"),
        FoundEvent("blink", 20, 22, 24, 0.9, "eyes"),
    ]
    write_elan(tmp_path / "events.eaf", clip, tmp_path / "analyses" / "clip", events, np.arange(30) / 50)
    root = ET.parse(tmp_path / "events.eaf").getroot()
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    found = {}
    for tier in root.iter("TIER"):
        for each in tier.iter("ALIGNABLE_ANNOTATION"):
            times = slots[each.get("TIME_SLOT_REF1")], slots[each.get("TIME_SLOT_REF2")]
            found.setdefault(tier.get("TIER_ID"), []).append((*times, each.find("ANNOTATION_VALUE").text))
    assert found == {
        "micro-expressions": [(100, 300, "positive")],
        "blinks": [(400, 480, "eyes")],
        "micro-expressions, apex": [(200, 220, "positive")],
        "macro-expressions": [(360, 560, "jaw left")],
        "macro-expressions, apex": [(440, 460, "jaw left")],
        "blinks, apex": [(440, 460, "eyes")],
    }
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media.get("RELATIVE_MEDIA_URL") == "../../my clips/clip.mov"
    assert media.get("MEDIA_URL") == f"file://{clip}"
    assert media.get("MIME_TYPE") == "video/quicktime"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["camera.mts", "phone.3gp", "tape.mxf", "clip"])
def test_a_video_is_of_no_other_type(tmp_path, name):
    """By its suffix alone, `.mts` is a three-dimensional model, and `.3gp` may be sound."""
    clip = tmp_path / name
    clip.touch()
    write_elan(tmp_path / "events.eaf", clip, tmp_path, [], np.zeros(1))
    media = ET.parse(tmp_path / "events.eaf").getroot().find("HEADER/MEDIA_DESCRIPTOR")
    assert media.get("MIME_TYPE").startswith("video/")


def test_no_events(tmp_path):
    write_elan(tmp_path / "events.eaf", tmp_path, tmp_path, [], np.zeros(1))
    root = ET.parse(tmp_path / "events.eaf").getroot()
    assert [tier.get("TIER_ID") for tier in root.iter("TIER")] == [
        "micro-expressions", "micro-expressions, apex", "macro-expressions", "macro-expressions, apex",
        "blinks", "blinks, apex",
    ]  # fmt: skip
    assert not list(root.iter("ALIGNABLE_ANNOTATION"))

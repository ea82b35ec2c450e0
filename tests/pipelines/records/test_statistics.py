import html
import re

import numpy as np

from pipelines.datasets.reading import Count, Issue
from pipelines.io.images import encode_png
from pipelines.io.tfrecord_writer import PairRecord, write_shard
from pipelines.records.build_config import BuildConfig
from pipelines.records.manifest import ClipReport, Manifest
from pipelines.records.statistics import STATISTICS, write_statistics


def rows(page, heading):
    """The cells of the table in a section, as text."""
    section = re.search(rf"<h2>{heading}</h2>(.*?)</section>", page, re.DOTALL)[1]
    return [
        [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", section)
    ][1:]


def test_the_page(tmp_path, portrait, portrait_landmarks):
    """Portraits that move by 2 px to the right, with the landmarks to match."""
    reports = []
    for number, subject in enumerate(("anna", "anna", "bert")):
        frames = [np.roll(portrait, 2 * k, axis=1) for k in range(2)]
        points = [portrait_landmarks + np.float32([2 * k, 0]) for k in range(2)]
        record = PairRecord(subject, f"clip{number}", 0, 1, *map(encode_png, frames), *points)
        shard = write_shard(tmp_path / f"{number}.tfrecord", [record])
        motion = [0, 0, 0, 0, 1, 0, 0, 0, 0]
        report = ClipReport(
            subject,
            f"clip{number}",
            "key",
            f"{number}.tfrecord",
            shard.size,
            shard.sha256,
            2,
            number,
            0,
            1,
            motion,
        )
        reports.append(report)
    reports.append(ClipReport("bert", "wall", "key", failure="wall.mp4: no face <anywhere>"))
    issues, counts = [Issue("clip1", "repaired", "apex beyond its end")], [Count("clips", 3, 255)]
    write_statistics(tmp_path, Manifest("CORPUS", BuildConfig(), {}, False, reports, issues, counts))

    page = (tmp_path / STATISTICS).read_text()
    assert "3 pairs of frames (consecutive) from 3 clips of 2 subjects; 1 clips were skipped." in page
    bars = re.findall(r'<text x="\d+" y="[\d.]+">(.*?)</text>', page)
    assert dict(zip(bars[1::2], bars[::2], strict=True))["1-2"] == "3"
    assert rows(page, "Subjects") == [["anna", "2", "2", "4", "1", "0"], ["bert", "1", "1", "2", "2", "0"]]
    assert [row[3] for row in rows(page, "Clips")] == ["0", "1", "2"]  # without a face
    assert rows(page, "Skipped clips") == [["wall", "wall.mp4: no face <anywhere>"]]
    assert rows(page, "Corpus") == [["clips", "3", "255"]]
    assert rows(page, "Issues") == [["clip1", "repaired", "apex beyond its end"]]
    *_, mean = rows(page, "Label quality")
    residual, still, there_and_back, confidence, _ = map(float, mean[1:])
    assert residual < 0.3 * still
    assert there_and_back < 0.05
    assert confidence > 0.5
    assert page.count('<img src="data:image/png') == 3

"""Clips as people have them: each is analysed, or refused in one line that says what is wrong."""

import csv
import subprocess
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from pipelines.clip_analysis.analysis import AnalysisConfig, analyse_clip
from pipelines.io.images import write_image
from pipelines.io.video import write_video

CONFIG = AnalysisConfig(magnify=0)
AT_REST = AnalysisConfig(magnify=0, reference=0)  # the first frame


def written(folder, frames):
    for number, frame in enumerate(frames):
        write_image(folder / f"{number}.png", frame)
    return folder


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def somebody_else():
    """A rendered person."""
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import photographs

    frame = next(photographs(draw_clip(2, 0, kind="micro", frames=12, size=256)))
    return cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC)


def test_a_cut_to_somebody_else(portrait, somebody_else, dis, tmp_path):
    """Each gets a reference, and nothing is measured from one face to the other."""
    clip = written(tmp_path / "clip", [portrait] * 4 + [somebody_else] * 4)
    analysis = analyse_clip(clip, tmp_path / "out", dis, CONFIG)
    assert len(analysis.references) == 2
    assert analysis.references[0] < 4 <= analysis.references[1]
    assert "cuts before frame 4; each shot with a face has a reference of its own" in analysis.notes
    assert "lost" not in analysis.status
    assert np.nanmax(np.abs(analysis.motion)) < 0.5
    # Millimetres are those of the shot's own reference.
    for row in table(tmp_path / "out" / "frames.csv"):
        if row["head_x_px"] and abs(float(row["head_x_px"])) > 0.05:
            ratio = float(row["head_x_mm"]) / float(row["head_x_px"])
            assert ratio == pytest.approx(analysis.mm_per_pixel[int(row["frame"])], rel=0.01)
    assert len(set(analysis.mm_per_pixel)) == 2


def test_an_expression_that_goes_on_at_the_end(expressive, dis, tmp_path):
    """It is an event up to there, and a note says so."""
    levels = [0] * 12 + np.linspace(0, 1, 16).round(2).tolist() + [1] * 4
    clip = written(tmp_path / "clip", [expressive("surprise", level) for level in levels])
    analysis = analyse_clip(clip, None, dis, AT_REST)
    (event,) = analysis.events
    assert (event.kind, event.offset) == ("macro", len(levels) - 1)
    (note,) = (note for note in analysis.notes if "goes on" in note)
    assert note.startswith(f"the macro-expression of frames {event.onset} to 31 goes on at the end of what")


def test_an_expression_that_is_cut_off_by_another_shot(expressive, somebody_else, dis, tmp_path):
    levels = [0] * 12 + np.linspace(0, 1, 16).round(2).tolist() + [1] * 4
    frames = [expressive("surprise", level) for level in levels]
    other = cv2.resize(somebody_else, frames[0].shape[1::-1])
    analysis = analyse_clip(written(tmp_path / "clip", [*frames, *[other] * 8]), None, dis, AT_REST)
    assert [event.offset for event in analysis.events] == [len(levels) - 1]
    assert sum("goes on at the end of what is seen" in note for note in analysis.notes) == 1


def test_a_lost_frame_beside_an_expression_is_no_end(expressive, dis, tmp_path):
    levels = [0.0] * 12 + (np.sin(np.linspace(0, np.pi, 26)) ** 2).round(2).tolist() + [0.0] * 12
    frames = [expressive("surprise", level) for level in levels]
    (whole,) = analyse_clip(written(tmp_path / "whole", frames), None, dis, AT_REST).events
    frames[whole.onset - 1] = np.full_like(frames[0], 90)
    analysis = analyse_clip(written(tmp_path / "clip", frames), None, dis, AT_REST)
    assert "no_face" in analysis.status
    (event,) = analysis.events
    assert abs(event.apex - whole.apex) <= 1
    assert not any("goes on" in note for note in analysis.notes)


def test_a_title_before_the_face(portrait, dis, tmp_path):
    """Every frame has its row, also those of a shot without a face, which have no reference."""
    title = np.zeros_like(portrait)
    title[:: len(portrait) // 4], title[200:260, 100:400] = 90, 230
    clip = written(tmp_path / "clip", [title] * 3 + [portrait] * 4)
    analysis = analyse_clip(clip, tmp_path / "out", dis, CONFIG)
    assert analysis.status[:3] == ("no_face",) * 3
    rows = table(tmp_path / "out" / "frames.csv")
    assert [row["frame"] for row in rows] == list("0123456")
    assert [row["status"] for row in rows] == list(analysis.status)
    assert [row["reference"] for row in rows] == [""] * 3 + [str(analysis.references[0])] * 4
    assert [row["copied"] != "" for row in rows] == [False] * 4 + [True] * 3


def test_two_faces_of_which_the_larger_is_followed(portrait, dis, tmp_path):
    """The smaller one comes closer until it is the larger: it is not taken for the first."""
    face = portrait[:400, 60:460]
    frames = []
    for size in (220, 300, 420):
        frame = np.full((420, 860, 3), 60, np.uint8)
        frame[:400, :400] = face
        frame[:size, 440 : 440 + size] = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
        frames.append(frame[:, : 440 + 420])
    analysis = analyse_clip(written(tmp_path / "clip", frames), tmp_path / "out", dis, CONFIG)
    assert "up to 2 faces in a frame; the largest one of each shot is followed" in analysis.notes
    assert analysis.status == ("restarted", "tracked", "tracked")
    sizes = [float(row["face_size_px"]) for row in table(tmp_path / "out" / "frames.csv")]
    assert max(sizes) < 1.05 * min(sizes)


def test_a_variable_frame_rate(portrait, dis, tmp_path):
    """Frames are at their time stamps, 0, 0.04, 0.2 and 0.24 s, not at their number by the rate."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25)
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        for stamp in (0, 1, 5, 6):
            picture = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    analysis = analyse_clip(path, tmp_path / "out", dis, CONFIG)
    np.testing.assert_allclose(analysis.times, [0, 0.04, 0.2, 0.24], atol=2e-3)
    assert [row["time_s"] for row in table(tmp_path / "out" / "frames.csv")][2] == "0.2000"
    assert any(note.startswith("0.16 s lie between frames 1 and 2, 0.040 s") for note in analysis.notes)


def test_4k(portrait, portrait_landmarks, dis, tmp_path):
    """A head that moves by 8 px of the frame: so many millimetres by the distance of the irises, 63 mm."""
    frames = []
    for shift in (0, 8):
        frame = np.full((2160, 3840, 3), 80, np.uint8)
        frame[50:2098, 900 + shift : 2948 + shift] = cv2.resize(portrait, (2048, 2048))
        frames.append(frame)
    clip = written(tmp_path / "clip", frames)
    analysis = analyse_clip(clip, tmp_path / "out", dis, replace(CONFIG, reference=0))
    assert analysis.status == ("restarted", "tracked")
    irises = 4 * np.linalg.norm(portrait_landmarks[468] - portrait_landmarks[473])
    (_, row) = table(tmp_path / "out" / "frames.csv")
    expected = 8 * 63 / irises
    assert float(row["head_x_mm"]) == pytest.approx(expected, rel=0.15)
    assert abs(float(row["head_y_mm"])) < 0.15 * expected


def test_a_phone_video_that_is_turned(portrait, dis, tmp_path):
    """Stored on its side with the turn in the header, as phones do: the motion is that of the upright one."""
    upright, lying = tmp_path / "upright.mp4", tmp_path / "lying.mp4"
    frames = [np.roll(portrait, 2 * number, axis=1) for number in range(3)]
    write_video(upright, frames, 25)
    write_video(tmp_path / "stored.mp4", [np.rot90(frame) for frame in frames], 25)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    turn = ["-display_rotation", "-90", "-i", str(tmp_path / "stored.mp4"), "-c", "copy", str(lying)]
    subprocess.run([program, "-y", "-v", "error", *turn], check=True)
    heads = {}
    for clip in (upright, lying):
        analyse_clip(clip, tmp_path / clip.stem, dis, replace(CONFIG, reference=0))
        heads[clip] = float(table(tmp_path / clip.stem / "frames.csv")[2]["head_x_px"])
    assert heads[upright] > 3
    assert heads[lying] == pytest.approx(heads[upright], rel=0.05)


def test_strong_compression_is_said(portrait, dis, tmp_path):
    """Noise of the camera changes every pixel; an encoder that saves bits repeats the frame before."""
    rng = np.random.default_rng(0)
    noisy = [np.clip(portrait + rng.normal(0, 4, portrait.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", 25, options={"crf": "30", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for frame in noisy:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    compressed = analyse_clip(tmp_path / "clip.mp4", tmp_path / "compressed", dis, CONFIG)
    assert any("small motion is lost" in note for note in compressed.notes)
    frames = analyse_clip(written(tmp_path / "clip", noisy), tmp_path / "lossless", dis, CONFIG)
    assert not any("small motion is lost" in note for note in frames.notes)
    assert {row["copied"] for row in table(tmp_path / "lossless" / "frames.csv")[1:]} == {"0.000"}


def test_repeated_frames_are_said(portrait, dis, tmp_path):
    rng = np.random.default_rng(0)
    noisy = [np.clip(portrait + rng.normal(0, 2, portrait.shape), 0, 255).astype(np.uint8) for _ in range(4)]
    clip = written(tmp_path / "clip", [frame for frame in noisy for _ in range(2)])
    analysis = analyse_clip(clip, tmp_path / "out", dis, CONFIG)
    assert any(note.startswith("4 of 8 frames repeat the face") for note in analysis.notes)
    assert not any("small motion is lost" in note for note in analysis.notes)

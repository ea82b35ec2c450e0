"""Contact sheets of rendered faces: many identities; every Action Unit before, after and as flow.

python -m pipelines.synthetic.renderer.contact_sheets docs/pictures
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from pipelines.synthetic.renderer.appearance.skin import level_for
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS, Expression, expression
from pipelines.synthetic.renderer.geometry.identity import Identity
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.person import NECK_PIVOT
from pipelines.synthetic.renderer.rendered_pair import (
    PAIRS_PER_PERSON,
    get_actor,
    get_identity,
    render_pair,
    render_scene_pair,
)
from pipelines.synthetic.renderer.sampling import ScenePair
from pipelines.synthetic.renderer.scene import Scene
from pipelines.visualization.flow_color import flow_to_color

#: Names of the Action Units in FACS, for captions.
UNIT_NAMES = {
    "AU01": "1 inner brow raiser", "AU02": "2 outer brow raiser", "AU04": "4 brow lowerer",
    "AU05": "5 upper lid raiser", "AU06": "6 cheek raiser", "AU07": "7 lid tightener",
    "AU09": "9 nose wrinkler", "AU10": "10 upper lip raiser", "AU12": "12 lip corner puller",
    "AU14": "14 dimpler", "AU15": "15 lip corner depressor", "AU16": "16 lower lip depressor",
    "AU17": "17 chin raiser", "AU18": "18 lip pucker", "AU20": "20 lip stretcher",
    "AU23": "23 lip tightener", "AU24": "24 lip pressor", "AU25": "25 lips part", "AU26": "26 jaw drop",
    "AU27": "27 mouth stretch", "AU43": "43 eyes closed",
}  # fmt: skip
_SOFT = Light(
    key=np.array([0.62, 0.6, 0.57]),
    key_direction=np.array([0.5, -0.5, -1.0]),
    fill=np.array([0.15, 0.15, 0.17]),
    fill_direction=np.array([-1.0, 0.0, -1.0]),
    sky=np.array([0.5, 0.51, 0.54]),
    ground=np.array([0.34, 0.32, 0.3]),
    shadow=0.6,
)
_CAPTION = 18  # pixels
_MAX_LENGTH = 6.0  # motion in pixels at full saturation, the same for all flows of the sheet


def identities(count: int = 64, size: int = 128, columns: int = 8, seed: int = 0) -> np.ndarray:
    """Return a sheet of the first frames of `count` persons, uint8 [rows * size, columns * size, 3], RGB."""
    tiles = [render_pair(seed, k * PAIRS_PER_PERSON, size).frame1 for k in range(count)]
    return _sheet(tiles, columns)


def action_units(size: int = 144, columns: int = 3, seed: int = 12) -> np.ndarray:
    """Return a sheet of every Action Unit at full intensity and of the gaze: before, after and flow."""
    states = [(title, expression(**{name: 1.0})) for name, title in UNIT_NAMES.items()]
    states += [("12 on the right only", expression(AU12R=1.0)), ("gaze", expression(gaze=(18.0, 0.0)))]
    states += [("6 + 12 + 25 + 26", expression(AU06=0.8, AU12=1, AU25=1, AU26=0.3))]
    bare = [k for k in range(60) if _bare_faced(get_identity(seed, k))][:8]
    tiles = []
    for number, (title, state) in enumerate(states):
        scenes = frontal_scene_pair(seed, bare[number % len(bare)], state, size)
        pair = render_scene_pair(scenes, None, "", {})
        flow = flow_to_color(pair.flow, max_length=_MAX_LENGTH * size / 256)
        row = np.hstack([pair.frame1, pair.frame2, flow])
        caption = np.full((_CAPTION, row.shape[1], 3), 255, np.uint8)
        cv2.putText(caption, title, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
        tiles.append(np.vstack([caption, row]))
    return _sheet(tiles, columns)


def _bare_faced(identity: Identity) -> bool:
    covered = (
        identity.glasses or identity.beard or identity.moustache or identity.fringe or identity.stubble > 0.4
    )
    return not covered and identity.skin.mean() > 0.45  # darker skin shows less detail at this size


def frontal_scene_pair(seed: int, person: int, state: Expression, size: int) -> ScenePair:
    """Return the scenes of a person at rest and in an expression, from the front, in soft light."""
    distance, pixels_per_cm = 90.0, size * 0.66 / 14.2
    head = Pose((0.0, 0.0, 0.0), np.array([0.0, -2.4, distance]), NECK_PIVOT)
    scenes = [
        Scene(
            actor=get_actor(seed, person),
            state=shown,
            head=head,
            torso=head,
            camera=Camera(pixels_per_cm * distance, ((size - 1) / 2, (size - 1) / 2)),
            light=_SOFT,
            exposure=1.0,
            background=np.full((4, 4, 3), 0.55, np.float32),
            background_map=np.zeros((2, 3)),
            level=level_for(pixels_per_cm),
            size=(size, size),
        )
        for shown in (Expression(np.zeros(len(COLUMNS))), state)
    ]
    return ScenePair(tuple(scenes), "unit", np.zeros((2, 3)))


def _sheet(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    blank = np.full_like(tiles[0], 255)
    tiles = tiles + [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main(folder: Path) -> None:
    """Write both sheets into a folder as JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in (("faces_identities", identities()), ("faces_action_units", action_units())):
        cv2.imwrite(str(folder / f"{name}.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 86])


if __name__ == "__main__":
    main(Path(sys.argv[1]))

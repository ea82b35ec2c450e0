"""Sampling of scene pairs: the distribution of the motion between two rendered frames.

A *mixture* gives the probability of each kind of motion. Lengths are in pixels at 256x256 and scale with the
frame size:

- `still`: no motion.
- `micro`: a random subset of the Action Units of an emotion, peak motion 0.2-2 px, head drift up to 0.5 px.
- `expression`: a change from one expression to another, peak motion up to 14 px, head motion up to 3 px.
- `blink`: the lids close or open and the gaze changes.
- `head`: rotation and translation of the head by 2-25 px, with some expression.
- `speech`: motion of jaw and lips, head motion up to 4 px.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipelines.synthetic.renderer.appearance.backgrounds import SIZE as BACKGROUND_SIZE
from pipelines.synthetic.renderer.appearance.skin import level_for
from pipelines.synthetic.renderer.geometry.facial_expression import (
    COLUMNS,
    Expression,
    expression,
    skin_vertices,
)
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.person import FACE_POINTS, NECK_PIVOT
from pipelines.synthetic.renderer.posed_emotions import PROTOTYPES, draw_posed_emotion
from pipelines.synthetic.renderer.scene import Actor, Scene

#: Probability of each kind of motion, by mixture.
MIXTURES: dict[str, dict[str, float]] = {
    "default": {"still": 0.02, "micro": 0.35, "expression": 0.3, "blink": 0.08, "head": 0.15, "speech": 0.1},
    "micro": {"still": 0.05, "micro": 0.95},
    "expression": {"expression": 0.7, "blink": 0.1, "speech": 0.2},
    "head": {"head": 1.0},
}

_REFERENCE = 256.0
_FACE_WIDTH = 14.2  # cm
_MOUTH_UNITS = ("AU12", "AU16", "AU17", "AU18", "AU20", "AU23", "AU24", "AU25", "AU26")


@dataclass(frozen=True, eq=False)
class ScenePair:
    """Scenes of the two frames of a pair.

    Attributes:
        scenes: Scene of frame 1 and scene of frame 2, with the same actor.
        kind: Kind of motion, a key of a mixture.
        ground: Displacement of the background as an affine function of (x, y, 1), float64 [2, 3], pixels.
    """

    scenes: tuple[Scene, Scene]
    kind: str
    ground: np.ndarray


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a random light, from soft room light to a hard lamp at the side."""
    warm = np.array([1 + 0.08 * rng.standard_normal(), 1.0, 1 + 0.08 * rng.standard_normal()])
    hardness = rng.beta(1.6, 2)
    around, above = rng.normal(0, 0.7), rng.uniform(-0.15, 1.0)
    direction = np.array([np.sin(around), -above, -np.cos(around)])
    other = np.array([-np.sin(around) + rng.normal(0, 0.4), rng.uniform(-0.6, 0.2), -1.0])
    ambient = 0.75 - 0.45 * hardness
    return Light(
        key=(0.35 + 0.7 * hardness) * warm,
        key_direction=direction,
        fill=rng.uniform(0.05, 0.35) * warm[::-1],
        fill_direction=other,
        sky=ambient * (1 + 0.06 * rng.standard_normal(3)),
        ground=ambient * rng.uniform(0.45, 0.8) * np.array([1.05, 1, 0.93]),
        shadow=rng.uniform(0.4, 0.95),
    )


def vary_light(light: Light, rng: np.random.Generator) -> Light:
    """Return the light after a small random motion and flicker."""
    flicker = 1 + 0.05 * rng.standard_normal()
    return Light(
        light.key * flicker, light.key_direction + rng.normal(0, 0.08, 3), light.fill, light.fill_direction,
        light.sky * (1 + 0.02 * rng.standard_normal()), light.ground, light.shadow,
    )  # fmt: skip


def draw_view(rng: np.random.Generator, shape: tuple[int, int], turned: float = 1.0) -> tuple[Camera, Pose]:
    """Draw a random camera and head pose.

    Args:
        rng: Random number generator.
        shape: (height, width) of the image in pixels.
        turned: Factor on the rotation of the head; with 1 the yaw is at most 32 degrees, with 0 the head
            faces the camera.
    """
    size = min(shape)
    distance = float(np.exp(rng.uniform(np.log(50), np.log(160))))
    scale = size * rng.uniform(0.42, 0.68) / _FACE_WIDTH
    camera = Camera(scale * distance, ((shape[1] - 1) / 2, (shape[0] - 1) / 2))
    angles = turned * np.clip(rng.normal(0, (11, 6, 5)), (-32, -16, -15), (32, 16, 15))
    shift = rng.normal(0, 0.035, 2) * size / scale
    position = np.array([shift[0], shift[1] - 2.2, distance])
    return camera, Pose(tuple(angles.tolist()), position, NECK_PIVOT)


def draw_state(rng: np.random.Generator) -> Expression:
    """Draw a random expression and gaze; weak expressions are more likely than strong ones."""
    units = np.zeros(len(COLUMNS))
    if rng.random() < 0.6:
        strength = rng.beta(1, 2.5)
        units = strength * draw_posed_emotion(str(rng.choice(list(PROTOTYPES))), rng)
    gaze = tuple(np.clip(rng.normal(0, (7, 4)), -18, 18).tolist())
    return Expression(units, gaze)


def draw_scene_pair(
    actor: Actor, background: np.ndarray, rng: np.random.Generator, size: int, mixture: str, photometric: bool
) -> ScenePair:
    """Draw the scenes of a random pair of frames.

    Args:
        actor: Person in both frames.
        background: Background, as `backgrounds.draw_background` returns it.
        rng: Random number generator.
        size: Width and height of the frames in pixels.
        mixture: Probabilities of the kinds of motion, a key of `MIXTURES`.
        photometric: Whether light and exposure may change between the frames.
    """
    kinds = MIXTURES[mixture]
    kind = str(rng.choice(list(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))
    camera, head = draw_view(rng, (size, size))
    torso = Pose((0.3 * head.angles[0], 0.0, 0.2 * head.angles[2]), head.position, NECK_PIVOT)
    light, exposure = draw_light(rng), float(np.exp(rng.normal(0.0, 0.16)))
    scale = rng.uniform(0.55, 0.85) * BACKGROUND_SIZE / size
    corner = (BACKGROUND_SIZE - scale * size) * rng.uniform(0.25, 0.75, 2)
    ground_map = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    level = level_for(camera.focal / head.position[2])
    first = Scene(
        actor,
        draw_state(rng),
        head,
        torso,
        camera,
        light,
        exposure,
        background,
        ground_map,
        level,
        (size, size),
    )
    if kind == "still":
        return ScenePair((first, first), kind, np.zeros((2, 3)))

    unit = size / _REFERENCE
    state, travel = _next_state(first, kind, rng, unit)
    head2, torso2, camera2 = _move_head(first, travel, rng)
    ground = _move_ground(rng, size, kind)
    if photometric and rng.random() < 0.5:
        light, exposure = vary_light(light, rng), exposure * float(1 + 0.03 * rng.standard_normal())
    second = replace(
        first, state=state, head=head2, torso=torso2, camera=camera2, light=light, exposure=exposure,
        background_map=_follow(ground_map, ground),
    )  # fmt: skip
    return ScenePair((first, second), kind, ground)


def _next_state(scene: Scene, kind: str, rng: np.random.Generator, unit: float) -> tuple[Expression, float]:
    """Draw the expression of frame 2 and the head motion in pixels."""
    old = scene.state
    emotion = draw_posed_emotion(str(rng.choice(list(PROTOTYPES))), rng)
    gaze = tuple((np.array(old.gaze) + rng.normal(0, 1.0, 2) * (rng.random() < 0.3)).tolist())
    if kind == "micro":
        few = rng.random(len(COLUMNS)) < 0.75
        few |= not (emotion * few).any()  # at least one unit acts
        target = Expression(np.clip(old.units + emotion * few, 0, 1), old.gaze)
        peak = np.exp(rng.uniform(np.log(0.2), np.log(2.0))) * unit
        return scale_to_peak(scene, target, peak), rng.uniform(0, 0.5) * (rng.random() < 0.7) * unit
    if kind == "expression":
        target = Expression(emotion if rng.random() < 0.7 else 0.3 * old.units, gaze)
        return scale_to_peak(scene, target, rng.uniform(2, 14) * unit), rng.exponential(0.8) * unit
    if kind == "blink":
        closing = expression(AU43=rng.uniform(0.3, 1)).units
        gaze = tuple(np.clip(np.array(gaze) + rng.normal(0, (7, 4)), -20, 20).tolist())
        shut = old.units if rng.random() < 0.3 else np.maximum(old.units, closing)
        return Expression(shut, gaze), rng.exponential(0.5) * unit
    if kind == "speech":
        units = old.units.copy()
        for name in rng.choice(_MOUTH_UNITS, 3, replace=False):
            change = expression(**{name: rng.uniform(0.1, 0.8)}).units
            units = np.clip(np.maximum(0.6 * units, change), 0, 1)
        return scale_to_peak(scene, Expression(units, gaze), rng.uniform(1, 10) * unit), rng.exponential(
            1.3
        ) * unit
    target = Expression(old.units + rng.random() * 0.6 * (emotion - old.units), gaze)
    return target, np.exp(rng.uniform(np.log(2), np.log(25))) * unit


def peak_motion(scene: Scene, state: Expression) -> float:
    """Return the largest motion of a skin landmark if the expression changes to `state`, pixels."""
    person = scene.actor.person
    moved = scene.head(skin_vertices(person.rest, person.eyes, state)[:FACE_POINTS])
    before = scene.camera.project(scene.vertices[:FACE_POINTS])
    return float(np.hypot(*(scene.camera.project(moved) - before).T).max())


def scale_to_peak(scene: Scene, target: Expression, peak: float) -> Expression:
    """Scale the change towards another expression so that its peak motion is at most `peak` pixels."""
    old, change = scene.state, target.units - scene.state.units
    share, looked = 1.0, np.array(target.gaze) - old.gaze
    for _ in range(2):  # motion is nearly proportional to intensity
        reached = peak_motion(scene, Expression(old.units + share * change, tuple(old.gaze + share * looked)))
        if reached < 1e-6 or (share == 1.0 and reached <= peak):
            break
        share = min(1.0, share * peak / reached)
    return Expression(old.units + share * change, tuple((np.array(old.gaze) + share * looked).tolist()))


def _move_head(scene: Scene, travel: float, rng: np.random.Generator) -> tuple[Pose, Pose, Camera]:
    """Move head, shoulders and camera randomly so that the face moves by about `travel` pixels."""
    if travel <= 0:
        return scene.head, scene.torso, scene.camera
    angles = rng.normal(0, (3.0, 2.0, 2.5)) * (rng.random(3) < 0.7)
    shift = rng.normal(0, (0.7, 0.5, 1.5)) * (rng.random(3) < 0.7)
    zoom = rng.normal(0, 0.02) * (rng.random() < 0.2)
    if not (angles.any() or shift.any() or zoom):
        shift[0] = 0.7
    points = scene.vertices[:FACE_POINTS:9]
    before = scene.camera.project(points)

    def moved(share: float) -> tuple[Pose, Camera]:
        turned = tuple((np.array(scene.head.angles) + share * angles).tolist())
        camera = Camera(scene.camera.focal * (1 + share * zoom), scene.camera.centre)
        return Pose(turned, scene.head.position + share * shift, scene.head.pivot), camera

    share = 1.0
    for _ in range(2):
        pose, camera = moved(share)
        after = camera.project(pose(scene.parts[0][:FACE_POINTS:9]))
        length = float(np.hypot(*(after - before).T).mean())
        share *= travel / max(length, 1e-6)
        share = min(share, 6.0)
    pose, camera = moved(share)
    torso = Pose(
        scene.torso.angles, scene.torso.position + rng.uniform(0, 0.8) * share * shift, scene.torso.pivot
    )
    return pose, torso, camera


def _move_ground(rng: np.random.Generator, size: int, kind: str) -> np.ndarray:
    """Draw the motion of the background: often none, else that of a moving camera."""
    if rng.random() < (0.75 if kind == "micro" else 0.5):
        return np.zeros((2, 3))
    unit = size / _REFERENCE
    shift = rng.normal(0, 1, 2) * np.exp(rng.uniform(np.log(0.1), np.log(6))) * unit
    stretch, turn = rng.normal(0, 0.012), rng.normal(0, 0.008)
    linear = np.array([[stretch, -turn], [turn, stretch]])
    middle = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, shift - linear @ middle])


def _follow(ground_map: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Return the background map of frame 2, given that of frame 1 and the motion of the background."""
    back = cv2.invertAffineTransform(ground + np.eye(2, 3))
    return ground_map @ np.vstack([back, [0, 0, 1]])

"""Rendering of a pair of frames of a random face with ground-truth motion."""

from functools import lru_cache

import numpy as np

from pipelines.errors import InputError
from pipelines.io.pairs import Pair
from pipelines.landmarks.face_mesh import face_mask, region_map
from pipelines.synthetic.renderer.appearance.backgrounds import draw_background
from pipelines.synthetic.renderer.appearance.materials import Material
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS
from pipelines.synthetic.renderer.geometry.identity import Identity, draw_identity
from pipelines.synthetic.renderer.imaging.photometry import (
    DISTURBANCES,
    IDEAL,
    SensorDrift,
    apply_sensor,
    draw_sensor,
    drift_sensor,
)
from pipelines.synthetic.renderer.imaging.truth import ground_truth_motion
from pipelines.synthetic.renderer.sampling import MIXTURES, ScenePair, draw_scene_pair
from pipelines.synthetic.renderer.scene import SAMPLES, Actor, make_actor

#: Materials that count as face inside its outline.
_FACE_MATERIALS = (Material.SKIN, Material.EYE, Material.MOUTH, Material.TEETH)


#: Number of consecutive pairs that show the same person in front of the same background.
PAIRS_PER_PERSON = 4


@lru_cache(maxsize=2)
def get_actor(seed: int, person: int) -> Actor:
    """Return person number `person` of a seed, ready to be rendered; the last two are cached."""
    return make_actor(get_identity(seed, person))


def get_identity(seed: int, person: int) -> Identity:
    """Return the identity of person number `person` of a seed."""
    return draw_identity(np.random.default_rng([seed, person, 2]))


@lru_cache(maxsize=2)
def get_background(seed: int, person: int) -> np.ndarray:
    """Return the background of person number `person` of a seed; the last two are cached."""
    return draw_background(np.random.default_rng([seed, person, 3]))


def check_pair_settings(size: int, mixture: str, disturbance: str) -> None:
    """Raise an `InputError` unless pairs can be rendered with these settings, see `render_pair`."""
    if size < 32:
        raise InputError(f"size must be at least 32, but is {size}")
    if mixture not in MIXTURES:
        raise InputError(f"unknown mixture {mixture!r}; use one of: {', '.join(MIXTURES)}")
    if disturbance not in DISTURBANCES:
        raise InputError(f"unknown disturbance {disturbance!r}; use one of: {', '.join(DISTURBANCES)}")


def render_pair(
    seed: int, k: int, size: int = 256, *, mixture: str = "default", disturbance: str = "default"
) -> Pair:
    """Render a pair of frames of a random face.

    The pair depends on the arguments alone, not on the order of calls or the process. Four consecutive pairs
    show the same person.

    Args:
        seed: Seed of the series of pairs, at least 0.
        k: Number of the pair in the series, from 0.
        size: Width and height of the frames in pixels, at least 32.
        mixture: Probabilities of the kinds of motion, a key of `sampling.MIXTURES`.
        disturbance: Photometric changes between the frames, a key of `photometry.DISTURBANCES`. With `none`
            light and exposure are constant and the camera is ideal, so a surface point changes by its shading
            only. With `default` light and exposure drift, and the camera adds noise, blur and compression.
            With `exposure` the exposure of frame 2 also changes. The motion is the same with all of them.

    Returns:
        The pair with all optional fields: flow, face mask, head motion, occlusion, regions and landmarks.

    Raises:
        InputError: If an argument is out of range or unknown.

    Examples:
        >>> pair = render_pair(seed=0, k=17, size=128)
        >>> pair.frame1.shape, pair.flow.shape
        ((128, 128, 3), (128, 128, 2))
        >>> bool((pair.flow == render_pair(seed=0, k=17, size=128).flow).all())
        True
    """
    scenes, metadata = _draw(seed, k, size, mixture, disturbance)
    drift = DISTURBANCES[disturbance]
    sensor_rng = np.random.default_rng([seed, k, 1]) if drift else None
    return render_scene_pair(scenes, sensor_rng, f"{k:05d}", metadata, drift)


def pair_metadata(
    seed: int, k: int, size: int = 256, *, mixture: str = "default", disturbance: str = "default"
) -> dict[str, str]:
    """Return the row of `pairs.csv` for the pair that `render_pair` renders with the same arguments."""
    scenes, metadata = _draw(seed, k, size, mixture, disturbance)
    return _metadata(scenes, metadata)


def _draw(seed: int, k: int, size: int, mixture: str, disturbance: str) -> tuple[ScenePair, dict]:
    check_pair_settings(size, mixture, disturbance)
    if seed < 0 or k < 0:
        raise InputError(f"seed and number of a pair must be at least 0, but are {seed} and {k}")
    rng, person = np.random.default_rng([seed, k, 0]), k // PAIRS_PER_PERSON
    photometric = DISTURBANCES[disturbance] is not None
    scenes = draw_scene_pair(
        get_actor(seed, person), get_background(seed, person), rng, size, mixture, photometric
    )
    return scenes, {"pair": f"{k:05d}", "subject": f"{seed}-{person:05d}", "seed": seed, "kind": scenes.kind}


def render_scene_pair(
    scenes: ScenePair,
    rng: np.random.Generator | None,
    name: str,
    metadata: dict,
    drift: SensorDrift | None = None,
) -> Pair:
    """Render both frames of a scene pair and their ground truth.

    Args:
        scenes: Scenes of frame 1 and frame 2.
        rng: Random number generator of the sensor; None for an ideal camera.
        name: Name of the pair.
        metadata: First columns of the pair's row of `pairs.csv`.
        drift: Change of the camera between the frames; None for no change.

    Returns:
        The pair with all optional fields.
    """
    first, second = scenes.scenes
    person = first.actor.person
    surface = person.surface
    centres, fine, fine2 = first.rasterise(1), first.rasterise(SAMPLES), second.rasterise(SAMPLES)
    rigid = person.place(first.parts[0], second.head, second.torso)
    truth = ground_truth_motion(
        centres, surface, first.actor.appearance.strands, (first.vertices, second.vertices, rigid),
        (first.camera, second.camera), scenes.ground, fine2, SAMPLES,
    )  # fmt: skip
    material = np.where(centres.triangle < 0, 255, surface.material[centres.triangle])
    face = face_mask(first.landmarks, first.size) & np.isin(material, _FACE_MATERIALS)
    sensor = IDEAL if rng is None else draw_sensor(rng)
    steady = rng is None or drift is None or rng.random() < drift.steady or scenes.kind == "still"
    sensor2 = sensor if steady else drift_sensor(sensor, drift, rng)
    noise = rng if rng is not None else np.random.default_rng(0)
    return Pair(
        name=name,
        frame1=apply_sensor(first.render(fine), sensor, noise),
        frame2=apply_sensor(second.render(fine2), sensor2, noise),
        flow=truth.flow,
        valid=np.ones(first.size, bool),
        face=face,
        head=truth.head,
        occluded=truth.occluded,
        regions=np.where(face, region_map(first.landmarks, first.size), 0).astype(np.uint8),
        landmarks1=first.landmarks,
        landmarks2=second.landmarks,
        metadata=_metadata(scenes, metadata),
    )


def _metadata(scenes: ScenePair, metadata: dict) -> dict[str, str]:
    """Return the row of `pairs.csv`, with Action Units, gaze and head pose of both frames."""
    metadata = dict(metadata)
    for number, scene in enumerate(scenes.scenes, start=1):
        units = zip(COLUMNS, scene.state.units.tolist(), strict=True)
        metadata[f"units{number}"] = " ".join(f"{name}={value:.4f}" for name, value in units if value > 0)
        metadata[f"gaze{number}"] = " ".join(f"{angle:.3f}" for angle in scene.state.gaze)
        metadata[f"pose{number}"] = " ".join(
            f"{value:.4f}" for value in (*scene.head.angles, *scene.head.position)
        )
    return {key: str(value) for key, value in metadata.items()}

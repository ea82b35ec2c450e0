"""A pair of frames of a random face, and everything that is true about its motion."""

from functools import lru_cache

import numpy as np

from pipelines.io.pairs import Pair
from pipelines.landmarks.face_mesh import face_mask, region_map
from pipelines.synthetic.renderer.appearance.backgrounds import draw_background
from pipelines.synthetic.renderer.appearance.materials import Material
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS
from pipelines.synthetic.renderer.geometry.identity import Identity, draw_identity
from pipelines.synthetic.renderer.imaging.photometry import (
    DISTURBANCES,
    IDEAL,
    Drift,
    draw_sensor,
    expose,
    vary,
)
from pipelines.synthetic.renderer.imaging.truth import motion
from pipelines.synthetic.renderer.sampling import Shot, draw_shot
from pipelines.synthetic.renderer.scene import SAMPLES, Actor, make_actor

#: Materials that belong to the face where they lie within its outline.
_FACE_MATERIALS = (Material.SKIN, Material.EYE, Material.MOUTH, Material.TEETH)


#: So many pairs in a row show the same person in front of the same background.
PAIRS_PER_PERSON = 4


@lru_cache(maxsize=2)
def actor_of(seed: int, person: int) -> Actor:
    """Person number `person` of a series."""
    return make_actor(identity_of(seed, person))


def identity_of(seed: int, person: int) -> Identity:
    """Who that is."""
    return draw_identity(np.random.default_rng([seed, person, 2]))


@lru_cache(maxsize=2)
def background_of(seed: int, person: int) -> np.ndarray:
    """What that person stands in front of."""
    return draw_background(np.random.default_rng([seed, person, 3]))


def render_pair(
    seed: int, k: int, size: int = 256, *, mixture: str = "default", disturbance: str = "default"
) -> Pair:
    """Render pair `k` of a series.

    The pair depends on the arguments alone: not on the order of calls, the process or what was rendered
    before.

    Args:
        seed: of the series.
        k: number of the pair, from 0.
        size: height and width in pixels.
        mixture: a key of `sampling.MIXTURES`.
        disturbance: a key of `photometry.DISTURBANCES`. With `none` light and exposure stay and the camera is
            ideal: a point of the surface differs between the frames by its shading only. Else light and
            exposure may change and the camera adds noise, blur and compression; with `exposure` it also
            exposes frame 2 anew. Motion is the same with all of them.

    Returns:
        The pair with all its optional parts.
    """
    shot, facts = _draw(seed, k, size, mixture, disturbance)
    drift = DISTURBANCES[disturbance]
    sensor_rng = np.random.default_rng([seed, k, 1]) if drift else None
    return render_shot(shot, sensor_rng, f"{k:05d}", facts, drift)


def pair_facts(
    seed: int, k: int, size: int = 256, *, mixture: str = "default", disturbance: str = "default"
) -> dict[str, str]:
    """The row of `pairs.csv` of the pair that `render_pair` renders with the same arguments."""
    shot, facts = _draw(seed, k, size, mixture, disturbance)
    return _facts(shot, facts)


def _draw(seed: int, k: int, size: int, mixture: str, disturbance: str) -> tuple[Shot, dict]:
    rng, person = np.random.default_rng([seed, k, 0]), k // PAIRS_PER_PERSON
    lit = DISTURBANCES[disturbance] is not None
    shot = draw_shot(actor_of(seed, person), background_of(seed, person), rng, size, mixture, lit)
    return shot, {"pair": f"{k:05d}", "subject": f"{seed}-{person:05d}", "seed": seed, "kind": shot.kind}


def render_shot(
    shot: Shot, rng: np.random.Generator | None, name: str, facts: dict, drift: Drift | None = None
) -> Pair:
    """Render both frames of a shot and their truth.

    Args:
        shot: what to render.
        rng: of the sensor; without one, the camera is ideal.
        name: of the pair.
        facts: the first columns of its row of `pairs.csv`.
        drift: of the camera between the frames; without, it stays as it is.
    """
    first, second = shot.frames
    person = first.actor.person
    surface = person.surface
    centres, fine, fine2 = first.hits(1), first.hits(SAMPLES), second.hits(SAMPLES)
    rigid = person.place(first.parts[0], second.head, second.torso)
    truth = motion(
        centres, surface, first.actor.looks.strands, (first.vertices, second.vertices, rigid),
        (first.camera, second.camera), shot.ground, fine2, SAMPLES,
    )  # fmt: skip
    material = np.where(centres.triangle < 0, 255, surface.material[centres.triangle])
    face = face_mask(first.landmarks, first.size) & np.isin(material, _FACE_MATERIALS)
    sensor = IDEAL if rng is None else draw_sensor(rng)
    steady = rng is None or drift is None or rng.random() < drift.steady or shot.kind == "still"
    sensor2 = sensor if steady else vary(sensor, drift, rng)
    noise = rng if rng is not None else np.random.default_rng(0)
    return Pair(
        name=name,
        frame1=expose(first.picture(fine), sensor, noise),
        frame2=expose(second.picture(fine2), sensor2, noise),
        flow=truth.flow,
        valid=np.ones(first.size, bool),
        face=face,
        head=truth.head,
        occluded=truth.occluded,
        regions=np.where(face, region_map(first.landmarks, first.size), 0).astype(np.uint8),
        landmarks1=first.landmarks,
        landmarks2=second.landmarks,
        metadata=_facts(shot, facts),
    )


def _facts(shot: Shot, facts: dict) -> dict[str, str]:
    facts = dict(facts)
    for number, frame in enumerate(shot.frames, start=1):
        active = zip(COLUMNS, frame.state.units.tolist(), strict=True)
        facts[f"units{number}"] = " ".join(f"{name}={value:.4f}" for name, value in active if value > 0)
        facts[f"gaze{number}"] = " ".join(f"{angle:.3f}" for angle in frame.state.gaze)
        facts[f"pose{number}"] = " ".join(
            f"{value:.4f}" for value in (*frame.head.angles, *frame.head.position)
        )
    return {key: str(value) for key, value in facts.items()}

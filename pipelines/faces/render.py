"""A pair of frames of a random face, and everything that is true about its motion."""

import numpy as np

from pipelines.face_mesh import face_mask, region_map
from pipelines.faces.expression import COLUMNS
from pipelines.faces.identity import draw_identity
from pipelines.faces.person import Material
from pipelines.faces.photometry import IDEAL, draw_sensor, expose, vary
from pipelines.faces.sampling import Shot, draw_shot
from pipelines.faces.scene import SAMPLES, make_actor
from pipelines.faces.truth import motion
from pipelines.pairs import Pair

#: Materials that belong to the face where they lie within its outline.
_FACE_MATERIALS = (Material.SKIN, Material.EYE, Material.MOUTH, Material.TEETH)


def render_pair(
    seed: int, k: int, size: int = 256, *, mixture: str = "default", photometric: bool = True
) -> Pair:
    """Render pair `k` of a series.

    The pair depends on the arguments alone: not on the order of calls,
    the process or what was rendered before.

    Args:
        seed: of the series.
        k: number of the pair, from 0; each shows another person.
        size: height and width in pixels.
        mixture: a key of `sampling.MIXTURES`.
        photometric: whether light and exposure change between the frames and the camera adds noise, blur and
            compression; without, a point of the surface differs between the frames by its shading only.

    Returns:
        The pair with all its optional parts.
    """
    identity_rng, shot_rng, sensor_rng = (np.random.default_rng([seed, k, part]) for part in range(3))
    shot = draw_shot(make_actor(draw_identity(identity_rng)), shot_rng, size, mixture, photometric)
    name = f"{k:05d}"
    facts = {"pair": name, "subject": f"{seed}-{k:05d}", "seed": seed, "kind": shot.kind}
    return render_shot(shot, sensor_rng if photometric else None, name, facts)


def render_shot(shot: Shot, rng: np.random.Generator | None, name: str, facts: dict) -> Pair:
    """Render both frames of a shot and their truth.

    Args:
        shot: what to render.
        rng: of the sensor; without one, the camera is ideal.
        name: of the pair.
        facts: the first columns of its row of `pairs.csv`.
    """
    first, second = shot.frames
    person = first.actor.person
    centres, fine, fine2 = first.hits(1), first.hits(SAMPLES), second.hits(SAMPLES)
    rigid = person.place(first.parts[0], second.head, second.torso)
    truth = motion(
        centres, person.triangles, person.material, first.vertices, second.vertices, rigid,
        (first.camera, second.camera), shot.ground, fine2, SAMPLES,
    )  # fmt: skip
    material = np.where(centres.triangle < 0, 255, person.material[centres.triangle])
    face = face_mask(first.landmarks, first.size) & np.isin(material, _FACE_MATERIALS)
    sensor = IDEAL if rng is None else draw_sensor(rng)
    sensor2 = IDEAL if rng is None or rng.random() < 0.5 or shot.kind == "still" else vary(sensor, rng)
    sensor2 = sensor if rng is not None and sensor2 is IDEAL else sensor2
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
        facts={key: str(value) for key, value in (facts | _facts(shot)).items()},
    )


def _facts(shot: Shot) -> dict:
    facts = {}
    for number, frame in enumerate(shot.frames, start=1):
        active = zip(COLUMNS, frame.state.units.tolist(), strict=True)
        facts[f"units{number}"] = " ".join(f"{name}={value:.4f}" for name, value in active if value > 0)
        facts[f"gaze{number}"] = " ".join(f"{angle:.3f}" for angle in frame.state.gaze)
        facts[f"pose{number}"] = " ".join(
            f"{value:.4f}" for value in (*frame.head.angles, *frame.head.position)
        )
    return facts

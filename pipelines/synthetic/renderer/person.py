"""A whole person as one mesh with constant triangles, and its vertices for any expression and pose."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipelines.synthetic.renderer.appearance.materials import Material, Surface
from pipelines.synthetic.renderer.appearance.skin_features import skin_coordinates
from pipelines.synthetic.renderer.deterministic_sums import rotated
from pipelines.synthetic.renderer.geometry import body
from pipelines.synthetic.renderer.geometry.eyes import (
    BALL_RADIUS,
    Eye,
    ball_mesh,
    eyes_of,
    gaze_rotation,
    iris_directions,
)
from pipelines.synthetic.renderer.geometry.facial_expression import (
    Expression,
    jaw_rotation,
    skin_vertices,
    turn_with_jaw,
)
from pipelines.synthetic.renderer.geometry.hair import (
    curtain,
    density,
    hair_shell,
    inside_hairline,
    strand_coordinates,
)
from pipelines.synthetic.renderer.geometry.head import head_model, rest_vertices
from pipelines.synthetic.renderer.geometry.identity import Identity
from pipelines.synthetic.renderer.imaging.camera import Pose

FACE_POINTS = 468
NECK_PIVOT = np.array([0.0, 7.0, 6.5])  # centre of rotation of the head, cm


@dataclass(frozen=True, eq=False)
class Person:
    """Mesh of one person.

    Attributes:
        identity: Identity of the person.
        rest: Skin vertices at rest, float64 [V, 3], cm.
        eyes: Right and left eye.
        shell: Offset of the hair shell from each skin vertex, float64 [V, 3], cm.
        rigid: Vertices that move with the head alone (upper teeth, ears, glasses, long hair),
            float64 [N, 3], cm.
        lower_teeth: Vertices of the lower teeth, float64 [N, 3], cm.
        torso: Vertices of neck and shoulders, float64 [N, 3], cm.
        torso_share: Share of the head motion that each of them follows, float64 [N], 0-1.
        surface: Triangles and materials of the whole mesh.
    """

    identity: Identity
    rest: np.ndarray
    eyes: tuple[Eye, Eye]
    shell: np.ndarray
    rigid: np.ndarray
    lower_teeth: np.ndarray
    torso: np.ndarray
    torso_share: np.ndarray
    surface: Surface

    def parts(self, state: Expression) -> tuple[np.ndarray, np.ndarray]:
        """Return vertices, float64 [V, 3], and iris landmarks, float64 [10, 3], in head coordinates, cm."""
        skin = skin_vertices(self.rest, self.eyes, state)
        ball, _ = ball_mesh()
        turn = gaze_rotation(*state.gaze)
        directions = np.concatenate([ball, iris_directions()])
        turned = rotated(BALL_RADIUS * directions, turn, np.zeros(3), np.zeros(3))
        jaw = jaw_rotation(state.units)
        parts = [
            skin,
            *(eye.centre + turned[: len(ball)] for eye in self.eyes),
            body.mouth_vertices(skin[_mouth_rim()]),
            turn_with_jaw(self.lower_teeth, jaw),
            skin + self.shell,
            self.rigid,
            self.torso,
        ]
        irises = np.concatenate([eye.centre + turned[len(ball) :] for eye in self.eyes])
        return np.concatenate(parts), irises

    def place(self, vertices: np.ndarray, head: Pose, torso: Pose) -> np.ndarray:
        """Transform the vertices of `parts` from head coordinates to camera coordinates."""
        placed = head(vertices)
        n = len(self.torso)
        still = torso(vertices[-n:])
        placed[-n:] = still + self.torso_share[:, None] * (placed[-n:] - still)
        return placed


def make_person(identity: Identity) -> Person:
    """Build the mesh of a person."""
    model = head_model()
    rest = rest_vertices(identity.shape)
    eyes = eyes_of(rest, model.mirror, model.lids)
    base = model.vertices.astype(np.float64)
    mouth = rest[[13, 14]].mean(axis=0) - base[[13, 14]].mean(axis=0)

    meshes, materials, moving = [], [], []

    def add(mesh: body.Mesh, material: Material) -> None:
        meshes.append(mesh)
        materials.append(material)

    add((rest, model.triangles, skin_coordinates(base)), Material.SKIN)
    ball, ball_triangles = ball_mesh()
    for eye in eyes:
        add((eye.centre + BALL_RADIUS * ball, ball_triangles, ball[:, :2]), Material.EYE)
    add(body.mouth_cavity(rest[_mouth_rim()]), Material.MOUTH)
    lower = body.teeth(upper=False)
    lower_teeth = lower[0] + mouth
    add((lower_teeth, *lower[1:]), Material.TEETH)

    strands = strand_coordinates(base)
    inside = inside_hairline(base, identity.hairline, identity.recession, identity.fringe, identity.parting)
    shell = hair_shell(base, _outwards(rest, model.triangles), identity.hair_volume, inside)
    hairy = (inside[model.triangles].max(axis=1) > -0.2) & (identity.hair_volume > 0)
    add((rest + shell, model.triangles[hairy], strands), Material.HAIR)

    upper = body.teeth(upper=True)
    moving.append((upper[0] + mouth, *upper[1:], Material.TEETH))
    vertices, triangles, coordinates = body.ear()
    for side, fixed in ((1, 454), (-1, 234)):
        at = rest[fixed] + [side * -0.15, -1.2, 0.45]
        turned = triangles if side > 0 else triangles[:, ::-1]
        moving.append((at + vertices * [side, 1, 1], turned, coordinates, Material.EAR))
    if identity.glasses:
        width, height, squareness, thickness, _ = identity.glasses
        front = min(rest[[6, 168]].mean(axis=0)[2] - 0.4, rest[[105, 334, 159, 386], 2].min() - 0.65)
        centres = np.array([eye.centre for eye in eyes])
        moving.append(
            (*body.glasses(centres, front, (width, height), squareness, thickness), Material.GLASSES)
        )
    long_density = None
    if identity.long_hair:
        long, long_density = curtain(
            identity.long_hair, float(np.abs(rest[:, 0]).max()) + 0.3 * identity.hair_volume
        )
        moving.append((*long, Material.HAIR))
    for *mesh, material in moving:
        add(tuple(mesh), material)
    torso, torso_triangles, torso_coordinates, share = body.torso(identity.neck)
    add((torso, torso_triangles, torso_coordinates), Material.TORSO)

    starts = np.cumsum([0] + [len(mesh[0]) for mesh in meshes])
    cover = np.ones((starts[-1], 3), np.float32)
    for start, mesh, material in zip(starts, meshes, materials, strict=False):
        if material == Material.HAIR:
            own = slice(start, start + len(mesh[0]))
            cover[own, 1:] = mesh[2][:, ::-1]
            cover[own, 0] = density(base, inside) if mesh[0].shape == rest.shape else long_density
    material = np.concatenate(
        [np.full(len(mesh[1]), material, np.uint8) for mesh, material in zip(meshes, materials, strict=True)]
    )
    return Person(
        identity=identity,
        rest=rest,
        eyes=eyes,
        shell=shell,
        rigid=np.concatenate([mesh[0] for mesh in moving]),
        lower_teeth=lower_teeth,
        torso=torso,
        torso_share=share,
        surface=Surface(
            triangles=np.concatenate(
                [mesh[1] + start for mesh, start in zip(meshes, starts, strict=False)]
            ).astype(np.int32),
            material=material,
            sheer=material == Material.HAIR,
            coordinates=np.concatenate([mesh[2] for mesh in meshes]).astype(np.float32),
            cover=cover,
        ),
    )


@lru_cache(maxsize=1)
def _mouth_rim() -> np.ndarray:
    return body.boundary_loop(head_model().triangles, 78)


def _outwards(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = -np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, triangles[:, k], normal)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)

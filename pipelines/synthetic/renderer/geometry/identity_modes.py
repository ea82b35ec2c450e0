"""Shape modes of identities: landmark displacements for a coefficient of one standard deviation.

The tables have the format of `action_units`: (outwards, down, back) in centimetres, right half and midline.
The magnitudes follow the variation of adult head measurements (2-6 mm).

References:
    Farkas, "Anthropometry of the Head and Face", 1994.
"""

from pipelines.synthetic.renderer.geometry.action_units import Field, Vector

_JAW_LINE = (58, 172, 136, 150, 149, 176, 148, 152)
_UPPER_LIP = (0, 37, 39, 40, 185)
_LOWER_LIP = (17, 84, 181, 91, 146)
_LINE = (13, 82, 81, 80, 191, 78, 61, 14, 87, 178, 88, 95)
_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
_UPPER_LID = (246, 161, 160, 159, 158, 157, 173)
_LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
_NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 64, 129)
_ARCH = (0.45, 0.8, 1, 1, 0.95, 0.8, 0.45)  # along a lid, outer to inner corner


def _all(points: tuple[int, ...], vector: Vector) -> dict[int, Vector]:
    return dict.fromkeys(points, vector)


def _graded(points: tuple[int, ...], shares: tuple[float, ...], vector: Vector) -> dict[int, Vector]:
    return {p: tuple(s * v for v in vector) for p, s in zip(points, shares, strict=True)}


MODES: dict[str, Field] = {
    "face_width": Field(_all((234, 93, 127, 132, 162, 58, 123, 116), (0.3, 0, 0)), 4, (4, 152, 10, 133)),
    "jaw_width": Field(_graded(_JAW_LINE, (0.6, 0.8, 0.8, 0.7, 0.5, 0.35, 0.15, 0), (0.5, 0, 0)), 2.5,
    (61, 234, 17)),
    "jaw_angle": Field({58: (0.2, 0.4, 0), 172: (0.25, 0.4, 0), 136: (0.15, 0.25, 0), 132: (0.1, 0.2, 0)}, 2,
    (152, 61)),
    "lower_face_length": Field(
        _all((152, 148, 176, 149, 199, 175, 200), (0, 0.45, 0)) | {136: (0, 0.3, 0), 18: (0, 0.28, 0),
        17: (0, 0.16, 0)},
        2.5,
        (1, 2, 234, 0),
    ),
    "chin_projection": Field({199: (0, 0, -0.3), 175: (0, 0, -0.3), 152: (0, 0, -0.25), 200: (0, 0, -0.18)},
    1.5, (17, 136)),
    "chin_width": Field({148: (0.2, 0, 0), 176: (0.3, 0, 0), 149: (0.3, 0, 0), 171: (0.2, 0, 0),
    140: (0.25, 0, 0)}, 1.5, (17,)),
    "cheekbones": Field({116: (0.2, 0, -0.1), 117: (0.1, 0, -0.25), 123: (0.25, 0, -0.2),
    50: (0.1, 0, -0.2)}, 1.5, _EYE),
    "cheek_fullness": Field({205: (0.1, 0, -0.22), 207: (0.2, 0, -0.22), 187: (0.3, 0, -0.15),
    192: (0.3, 0.05, 0)}, 2, _LINE),
    "forehead_height": Field(_all((10, 109, 67, 103), (0, -0.5, 0.05)) | {151: (0, -0.25, 0)}, 3,
    (9, 107, 70)),
    "forehead_slope": Field({10: (0, 0, 0.4), 109: (0, 0, 0.4), 67: (0, 0, 0.35), 151: (0, 0, 0.2)}, 3,
    (9, 107, 70)),
    "temples": Field({54: (0.25, 0, 0), 21: (0.25, 0, 0), 162: (0.22, 0, 0), 103: (0.2, 0, 0)}, 2.5,
    (70, 33)),
    "nose_length": Field(
        {1: (0, 0.3, 0), 4: (0, 0.3, 0), 5: (0, 0.2, 0), 2: (0, 0.25, 0), 98: (0, 0.25, 0), 64: (0, 0.25, 0),
        195: (0, 0.1, 0)},
        1.2,
        (168, 13, 33, 133, 0),
    ),
    "nose_width": Field({64: (0.28, 0, 0), 129: (0.28, 0, 0.03), 98: (0.22, 0, 0), 49: (0.22, 0, 0),
    48: (0.26, 0, 0)}, 0.8, (1, 0)),
    "nose_bridge": Field({6: (0, 0, -0.25), 168: (0, 0, -0.18), 197: (0, 0, -0.3), 195: (0, 0, -0.25)}, 1.0,
    (4, 133, 9)),
    "nose_bridge_width": Field({122: (0.1, 0, 0), 196: (0.12, 0, 0), 3: (0.12, 0, 0), 51: (0.12, 0, 0),
    198: (0.15, 0, 0)}, 0.8, (6, 133)),
    "nose_projection": Field({4: (0, 0, -0.32), 1: (0, 0, -0.3), 5: (0, 0, -0.25), 2: (0, 0, -0.12)}, 1.2,
    (6, 0)),
    "nose_tip": Field({4: (0, -0.2, 0), 1: (0, -0.22, 0), 2: (0, -0.08, 0.05), 19: (0, -0.2, 0)}, 0.8,
    (6, 0, 64)),
    "nose_bulb": Field({45: (0.1, 0, 0), 44: (0.12, 0, 0), 220: (0.1, 0, 0), 237: (0.1, 0, 0)}, 0.7,
    (4, 64, 6)),
    "mouth_width": Field({61: (0.26, 0, 0.1), 78: (0.25, 0, 0.1), 185: (0.2, 0, 0.06), 146: (0.2, 0, 0.06),
    40: (0.13, 0, 0.03),
                          91: (0.13, 0, 0.03), 57: (0.2, 0, 0.06)}, 1.2, (0, 17, 13, 14)),
    "mouth_height": Field(_all((*_UPPER_LIP, *_LOWER_LIP, *_LINE), (0, 0.2, 0)), 1.5, (2, 152, 64)),
    "upper_lip": Field(_graded(_UPPER_LIP, (1, 1, 0.9, 0.6, 0.3), (0, -0.16, -0.04)), 0.7, (*_LINE, 2)),
    "lower_lip": Field(_graded(_LOWER_LIP, (1, 1, 0.85, 0.55, 0.3), (0, 0.18, -0.03)), 0.7, (*_LINE, 200)),
    "lip_projection": Field(_all((0, 37, 13, 14, 82, 87, 17, 84, 11, 16), (0, 0, -0.22)), 1.2, (2, 61, 199)),
    "cupid_bow": Field({37: (0, -0.08, 0), 0: (0, 0.06, 0)}, 0.5, (40, 13, 2)),
    "mouth_corners": Field({61: (0, -0.14, 0), 78: (0, -0.14, 0), 185: (0, -0.07, 0), 146: (0, -0.07, 0)},
    0.8, (0, 17, 13, 14)),
    "brow_height": Field(_all(_BROW, (0, -0.22, 0)), 1.2, (*_EYE, 10)),
    "brow_tilt": Field({70: (0, -0.22, 0), 63: (0, -0.16, 0), 46: (0, -0.2, 0), 53: (0, -0.14, 0),
    107: (0, 0.12, 0), 55: (0, 0.1, 0)}, 1, _EYE),
    "brow_ridge": Field(_all((107, 66, 105, 55, 65, 52, 9), (0, 0.02, -0.16)), 1.0, (*_EYE, 168, 151)),
    "eye_spacing": Field(_all(_EYE, (0.2, 0, 0)), 1.2, (168, 6, 4)),
    "eye_height": Field(_graded(_UPPER_LID, _ARCH, (0, -0.12, 0)) | _graded(_LOWER_LID, _ARCH, (0, 0.06, 0)),
    0.5, (33, 133)),
    "eye_width": Field({33: (0.14, 0, 0.05), 133: (-0.06, 0, 0), 246: (0.1, 0, 0.03), 7: (0.1, 0, 0.03)},
    0.7, (159, 145)),
    "eye_tilt": Field({33: (0, -0.16, 0), 246: (0, -0.12, 0), 7: (0, -0.12, 0), 133: (0, 0.08, 0)}, 0.7,
    (6,)),
    "eye_depth": Field(_all(_EYE, (0, 0, 0.16)), 1.0, (6, 105, 117)),
    "lid_fold": Field(_all((27, 28, 29, 56, 30), (0, 0.08, -0.14)), 0.5, (*_EYE, 105, 65)),
    "philtrum": Field({164: (0, 0, 0.08), 2: (0, -0.1, 0), 0: (0, 0.05, 0)}, 0.8, (13, 4)),
}  # fmt: skip

#: Deviations from symmetry: as above, but one side moves and the other does not.
ONE_SIDED: dict[str, Field] = {
    "brow_higher": Field(_all(_BROW, (0, -0.12, 0)), 1.2, _EYE),
    "corner_higher": Field({61: (0.03, -0.12, 0), 78: (0.03, -0.12, 0), 57: (0, -0.1, 0)}, 1.0, (0, 17)),
    "cheek_fuller": Field({205: (0.05, 0, -0.12), 207: (0.12, 0, -0.1), 136: (0.14, 0.05, 0)}, 2, _LINE),
    "lid_lower": Field(_graded(_UPPER_LID, _ARCH, (0, 0.07, 0)), 0.5, (33, 133)),
}

"""Evaluation of any flow methods side by side on a folder of pairs with known motion."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_models.losses import angular_error, end_point_error
from keras_models.methods import Method
from pipelines.errors import InputError
from pipelines.face_mesh import REGIONS
from pipelines.flow_files import write_flow
from pipelines.pairs import Pair, list_pairs, read_facts, read_pair

#: Bins of a pair's mean true motion in the face, pixels.
MOTION_BINS = {"0-1 px": (0, 1), "1-2 px": (1, 2), "2-4 px": (2, 4), "4+ px": (4, np.inf)}


@dataclass(frozen=True)
class PairErrors:
    """How far one method is off on one pair. NaN where there is nothing to measure on.

    Attributes:
        pair: name of the pair.
        method: name of the method.
        motion: mean true motion in the face, pixels.
        epe_face: mean end-point error in the face, pixels.
        epe_all: the same over the whole picture.
        aae_face: mean angular error in the face, degrees.
        within_1px: share of face pixels wrong by less than 1 px; `within_3px`, `within_5px` likewise.
        fl_all: percent of pixels of the whole picture that are bad for KITTI: wrong by more than 3 px and by
            more than 5 % of their motion.
        coverage: share of the face on which the method says something; errors are over that part.
        regions: `epe_face` within each facial region, where the pair has a map of them.
        milliseconds: the call took.
    """

    pair: str
    method: str
    motion: float
    epe_face: float
    epe_all: float
    aae_face: float
    within_1px: float
    within_3px: float
    within_5px: float
    fl_all: float
    coverage: float
    regions: dict[str, float]
    milliseconds: float


def pair_errors(
    pair: Pair, method: str, flow: np.ndarray, defined: np.ndarray, milliseconds: float = np.nan
) -> PairErrors:
    """Measure one flow against the truth.

    Args:
        pair: with its truth; without a face mask the whole picture counts as face.
        method: name of the method.
        flow: float32 [H, W, 2], pixels.
        defined: bool [H, W], where the method says something; only there it is measured.
        milliseconds: that the method took.
    """
    known = pair.valid if pair.face is None else pair.valid & pair.face
    everywhere, face = pair.valid & defined, known & defined
    distance = end_point_error(pair.flow, flow).numpy()
    length = np.linalg.norm(pair.flow, axis=-1)
    bad = (distance > 3) & (distance > 0.05 * length)
    regions = {}
    if pair.regions is not None:
        regions = {name: _mean(distance, face & (pair.regions == k + 1)) for k, name in enumerate(REGIONS)}
    return PairErrors(
        pair=pair.name,
        method=method,
        motion=_mean(length, known),
        epe_face=_mean(distance, face),
        epe_all=_mean(distance, everywhere),
        aae_face=_mean(angular_error(pair.flow, flow).numpy(), face),
        within_1px=_mean(distance < 1, face),
        within_3px=_mean(distance < 3, face),
        within_5px=_mean(distance < 5, face),
        fl_all=100 * _mean(bad, everywhere),
        coverage=_mean(defined, known),
        regions=regions,
        milliseconds=milliseconds,
    )


@dataclass(frozen=True)
class FlowEvaluation:
    """Errors of every method on every pair.

    Attributes:
        folder: of the pairs.
        errors: one entry for each pair and method.
    """

    folder: str
    errors: list[PairErrors]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order in which they were asked for."""
        return list(dict.fromkeys(error.method for error in self.errors))

    def of(self, method: str) -> list[PairErrors]:
        """Return the errors of one method."""
        return [error for error in self.errors if error.method == method]

    def summary(self, method: str) -> dict[str, float]:
        """Return means over pairs, and the median time of a call as `ms_per_pair`."""
        errors = self.of(method)
        names = (
            "epe_face",
            "epe_all",
            "aae_face",
            "within_1px",
            "within_3px",
            "within_5px",
            "fl_all",
            "coverage",
        )
        means = {name: _nanmean([getattr(error, name) for error in errors]) for name in names}
        return means | {"ms_per_pair": float(np.median([error.milliseconds for error in errors]))}

    def by_motion(self, method: str) -> dict[str, float]:
        """Return the mean `epe_face` in each bin of `MOTION_BINS` that has pairs."""
        bins = {}
        for name, (low, high) in MOTION_BINS.items():
            inside = [error.epe_face for error in self.of(method) if low <= error.motion < high]
            if inside:
                bins[name] = _nanmean(inside)
        return bins

    def by_region(self, method: str) -> dict[str, float]:
        """Return the mean end-point error in each region; empty if no pair has a map of them."""
        with_map = [error.regions for error in self.of(method) if error.regions]
        return (
            {name: _nanmean([regions[name] for regions in with_map]) for name in REGIONS} if with_map else {}
        )

    def to_json(self) -> dict:
        """Return everything as plain values, NaN as None."""
        pairs = {}
        for error in self.errors:
            pairs.setdefault(error.pair, {"pair": error.pair})[error.method] = error.epe_face
        methods = {
            method: self.summary(method)
            | {"epe_by_motion": self.by_motion(method), "epe_by_region": self.by_region(method)}
            for method in self.methods
        }
        return _plain({"folder": self.folder, "methods": methods, "pairs": list(pairs.values())})


def evaluate_flow(
    folder: Path | str,
    methods: Mapping[str, Method],
    save: Path | str | None = None,
    on_pair: Callable[[str], None] = lambda name: None,
) -> FlowEvaluation:
    """Run methods over a pair folder and measure them.

    Args:
        folder: a pair folder (`pipelines.pairs`).
        methods: by name, as `keras_models.methods.open_method` returns them.
        save: write every flow as `save/METHOD/NNNNN.flo`, with `:` and `/` in the name as `-`.
        on_pair: called with its name after each pair, for progress.

    Raises:
        InputError: for a folder without pairs, or a frame that a method cannot handle.
    """
    names, facts = list_pairs(folder), read_facts(folder)
    errors = []
    for name in names:
        pair = read_pair(folder, name, facts.get(name))
        for method, estimate in methods.items():
            if name == names[0]:
                _timed(estimate, pair, method)  # the first call compiles and allocates
            flow, defined, milliseconds = _timed(estimate, pair, method)
            errors.append(pair_errors(pair, method, flow, defined, milliseconds))
            if save:
                plain = method.strip("/").replace(":", "-").replace("/", "-")
                write_flow(Path(save) / plain / f"{name}.flo", flow, defined)
        on_pair(name)
    order = {method: k for k, method in enumerate(methods)}
    return FlowEvaluation(str(folder), sorted(errors, key=lambda error: (order[error.method], error.pair)))


def _timed(estimate: Method, pair: Pair, method: str) -> tuple[np.ndarray, np.ndarray, float]:
    begin = time.perf_counter()
    try:
        flow, defined = estimate(pair.frame1, pair.frame2)
    except InputError as error:
        raise InputError(f"pair {pair.name}, method {method}: {error}") from error
    return flow, defined, (time.perf_counter() - begin) * 1000


def _mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")


def _nanmean(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _plain(value):
    """Make a value fit for JSON, which has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

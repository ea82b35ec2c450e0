"""Evaluation of flow methods side by side on a folder of pairs with known flow."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_models.inference.estimators import Estimator
from keras_models.losses.flow_losses import angular_error, end_point_error
from pipelines.errors import InputError
from pipelines.io.flow_io import write_flow
from pipelines.io.pairs import Pair, list_pairs, read_metadata, read_pair
from pipelines.landmarks.face_mesh import REGIONS

#: Bins of a pair's mean true motion in the face, pixels.
MOTION_BINS = {"0-1 px": (0, 1), "1-2 px": (1, 2), "2-4 px": (2, 4), "4+ px": (4, np.inf)}


@dataclass(frozen=True)
class PairErrors:
    """Errors of one method on one pair. NaN where no pixel can be measured.

    Attributes:
        pair: Name of the pair.
        method: Name of the method.
        motion: Mean true motion in the face, pixels.
        epe_face: Mean end-point error in the face, pixels.
        epe_all: Mean end-point error over the whole image, pixels.
        aae_face: Mean angular error in the face, degrees.
        within_1px: Share of face pixels with an error below 1 px; `within_3px`, `within_5px` likewise.
        fl_all: KITTI's percentage of bad pixels in the whole image, with an error above 3 px and above 5 % of
            their motion.
        coverage: Share of the face on which the method's flow is valid; errors are over that part.
        regions: `epe_face` within each facial region, if the pair has a map of regions.
        milliseconds: Time of the call.
        failure: Reason why the method has no flow for this pair, if it has none.
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
    failure: str | None = None


def pair_errors(
    pair: Pair, method: str, flow: np.ndarray, defined: np.ndarray, milliseconds: float = np.nan
) -> PairErrors:
    """Compare a flow with the true flow.

    Args:
        pair: Pair with its true flow. Without a face mask, the whole image counts as face.
        method: Name of the method.
        flow: float32 [H, W, 2], pixels.
        defined: Validity of the flow, bool [H, W]; errors are over valid pixels.
        milliseconds: Time that the method took.
    """
    defined = np.asarray(defined) != 0
    known = pair.valid if pair.face is None else pair.valid & pair.face
    everywhere, face = pair.valid & defined, known & defined
    # NaN counts as an infinite error; leaving it out would reward it.
    broken = ~np.isfinite(flow).all(axis=-1)
    flow = np.where(broken[..., None], np.float32(0), flow)
    distance = np.where(broken, np.inf, end_point_error(pair.flow, flow).numpy())
    angle = np.where(broken, np.inf, angular_error(pair.flow, flow).numpy())
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
        aae_face=_mean(angle, face),
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
        folder: Folder of the pairs.
        errors: One entry for each pair and method.
    """

    folder: str
    errors: list[PairErrors]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order in which they were given."""
        return list(dict.fromkeys(error.method for error in self.errors))

    def of(self, method: str) -> list[PairErrors]:
        """Return the errors of one method."""
        return [error for error in self.errors if error.method == method]

    @property
    def failures(self) -> list[PairErrors]:
        """Entries without a flow: no face was found, or the frame is too small for the method."""
        return [error for error in self.errors if error.failure]

    def summary(self, method: str) -> dict[str, float]:
        """Return means over the pairs with a flow, and the median time of a call as `ms_per_pair`.

        Pairs without a flow have a coverage of 0.
        """
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
        times = [error.milliseconds for error in errors if not np.isnan(error.milliseconds)]
        return means | {"ms_per_pair": float(np.median(times)) if times else float("nan")}

    def ranking(self) -> list[str]:
        """Return the methods by mean `epe_face`, the least first, those without one last."""

        def place(method: str) -> tuple[bool, float]:
            error = self.summary(method)["epe_face"]
            return np.isnan(error), error

        return sorted(self.methods, key=place)

    def by_motion(self, method: str) -> dict[str, float]:
        """Return the mean `epe_face` in each bin of `MOTION_BINS` that has pairs."""
        bins = {}
        for name, (low, high) in MOTION_BINS.items():
            inside = [error.epe_face for error in self.of(method) if low <= error.motion < high]
            if inside:
                bins[name] = _nanmean(inside)
        return bins

    def by_region(self, method: str) -> dict[str, float]:
        """Return the mean end-point error in each region; empty if no pair has a map of regions."""
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
        failures = [{"pair": e.pair, "method": e.method, "why": e.failure} for e in self.failures]
        content = {
            "folder": self.folder,
            "methods": methods,
            "pairs": list(pairs.values()),
            "failures": failures,
        }
        return content


def evaluate_flow(
    folder: Path | str,
    methods: Mapping[str, Estimator],
    save: Path | str | None = None,
    on_pair: Callable[[str], None] = lambda name: None,
) -> FlowEvaluation:
    """Run flow methods on a pair folder and measure their errors.

    Args:
        folder: Pair folder (`pipelines.io.pairs`).
        methods: Estimators by name, as `keras_models.inference.estimators.get_estimator` returns them.
        save: Folder in which every flow is saved as `save/METHOD/NNNNN.flo`, with `-` for `:` in the name; of
            a method that is a folder, the folder's own name.
        on_pair: Function called with the name of each finished pair.

    Raises:
        InputError: If the folder has no pairs, or two methods would be saved under one name. A pair that a
            method cannot process is a failure in the result, and the evaluation continues.
    """
    folders = {method: _folder_name(method) for method in methods}
    if save and len(set(folders.values())) < len(folders):
        raise InputError(f"two methods would be saved under one name: {', '.join(folders.values())}")
    names, facts = list_pairs(folder), read_metadata(folder)
    errors, turns, draw = [], list(methods.items()), random.Random(0)
    for name in names:
        pair = read_pair(folder, name, facts.get(name))
        # In random order: a call is slower after a method that uses one core, because the other cores are
        # idle.
        draw.shuffle(turns)
        for method, estimate in turns:
            try:
                if name == names[0]:
                    estimate(pair.frame1, pair.frame2)  # the first call compiles and allocates
                begin = time.perf_counter()
                flow, defined = estimate(pair.frame1, pair.frame2)
                milliseconds = (time.perf_counter() - begin) * 1000
            except InputError as error:
                nothing = np.zeros_like(pair.flow), np.zeros_like(pair.valid)
                errors.append(replace(pair_errors(pair, method, *nothing), failure=str(error)))
                continue
            errors.append(pair_errors(pair, method, flow, defined, milliseconds))
            if save:
                write_flow(Path(save) / folders[method] / f"{name}.flo", flow, defined)
        on_pair(name)
    order = {method: k for k, method in enumerate(methods)}
    return FlowEvaluation(str(folder), sorted(errors, key=lambda error: (order[error.method], error.pair)))


def _folder_name(method: str) -> str:
    return Path(method).resolve().name if Path(method).is_dir() else method.replace(":", "-")


def _mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")


def _nanmean(values: list[float]) -> float:
    """Mean without NaN, which stands for no measured pixel; infinity counts."""
    measured = [value for value in values if not np.isnan(value)]
    return float(np.mean(measured)) if measured else float("nan")

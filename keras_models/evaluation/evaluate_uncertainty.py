"""Evaluation of the uncertainty of flow methods on a folder of pairs with known flow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_models.evaluation.uncertainty_scores import (
    Calibration,
    UncertaintyScores,
    calibrate,
    score_uncertainty,
)
from keras_models.inference.uncertainty import UncertainEstimator
from pipelines.errors import InputError
from pipelines.io.pairs import Pair, list_pairs, read_metadata, read_pair

_LEAST_OCCLUDED = 50  # pixels of a pair that has occlusion at all


@dataclass(frozen=True, eq=False)
class UncertaintyEvaluation:
    """Scores of one method over the pairs of a folder.

    Attributes:
        scores: Scores of each pair, over the valid pixels of the face, by its name.
        calibration: Expected and true errors over the pixels of all pairs, where the expected one is known.
        occluded_larger: For each pair with occluded pixels in the face, whether its mean uncertainty is
            larger on them than on the others.
    """

    scores: dict[str, UncertaintyScores]
    calibration: Calibration
    occluded_larger: dict[str, bool]

    def summary(self) -> dict[str, float]:
        """Return means over pairs: `error` in pixels, `ause`, `surest_half`, and the share `occluded_larger`.

        NaN for the last if no pair has occlusion, and for `ause` and `surest_half` if no pair has an error.
        """
        means = {}
        for name in ("error", "ause", "surest_half"):
            values = np.array([getattr(score, name) for score in self.scores.values()])
            values = values[~np.isnan(values)]
            means[name] = float(values.mean()) if len(values) else float("nan")
        larger = list(self.occluded_larger.values())
        return means | {"occluded_larger": float(np.mean(larger)) if larger else float("nan")}

    def to_json(self) -> dict:
        """Return all figures as plain values."""
        bins = self.calibration
        return {
            "summary": {name: None if np.isnan(value) else value for name, value in self.summary().items()},
            "calibration": [
                {"expected": float(expected), "true": float(true), "share": float(share)}
                for expected, true, share in zip(bins.expected, bins.true, bins.share, strict=True)
                if share
            ],
            "pairs": [
                {
                    "pair": name,
                    "error": score.error,
                    "ause": score.ause,
                    "surest_half": score.surest_half,
                    "curve": score.curve.tolist(),
                    "best_curve": score.best_curve.tolist(),
                }
                for name, score in self.scores.items()
            ],
        }


def evaluate_uncertainty(
    folder: Path | str,
    methods: Mapping[str, UncertainEstimator],
    on_pair: Callable[[str], None] = lambda name: None,
) -> dict[str, UncertaintyEvaluation]:
    """Compare the expected with the true end-point error, in the face, on each pair of a folder.

    Args:
        folder: Pair folder (`pipelines.io.pairs`).
        methods: Estimators by name, as `get_uncertain_estimator` returns them.
        on_pair: Function called with the name of each finished pair.

    Returns:
        An evaluation for each method.

    Raises:
        InputError: If the folder has no pairs, a method cannot process a pair, or it has no flow with a known
            expected error in any face.
    """
    metadata = read_metadata(folder)
    found: dict[str, list] = {method: [] for method in methods}
    scores: dict[str, dict] = {method: {} for method in methods}
    larger: dict[str, dict] = {method: {} for method in methods}
    for name in list_pairs(folder):
        pair = read_pair(folder, name, metadata.get(name))
        for method, estimate in methods.items():
            try:
                flow, valid, uncertainty = estimate(pair.frame1, pair.frame2)
            except InputError as error:
                raise InputError(f"{name}, {method}: {error}") from error
            error = np.linalg.norm(flow - pair.flow, axis=-1)
            face = (pair.valid if pair.face is None else pair.valid & pair.face) & valid
            if face.any():
                scores[method][name] = score_uncertainty(error[face], uncertainty[face])
            known = face & np.isfinite(uncertainty)
            found[method].append((error[known], uncertainty[known]))
            occluded = _occluded_face(pair)
            if occluded is not None and occluded.sum() >= _LEAST_OCCLUDED:
                hidden, visible = uncertainty[occluded & known], uncertainty[known & ~occluded]
                if len(hidden) and len(visible):
                    larger[method][name] = bool(hidden.mean() > visible.mean())
        on_pair(name)
    for method in methods:
        if not sum(len(error) for error, _ in found[method]):
            raise InputError(
                f"{folder}, {method}: no pixel of a face whose flow and expected error are known"
            )
    return {
        method: UncertaintyEvaluation(
            scores[method], calibrate(*map(np.concatenate, zip(*found[method], strict=True))), larger[method]
        )
        for method in methods
    }


def _occluded_face(pair: Pair) -> np.ndarray | None:
    """Return the pixels of the face that are occluded in frame 2, or None if that is not known."""
    if pair.occluded is None:
        return None
    return pair.occluded if pair.face is None else pair.occluded & pair.face

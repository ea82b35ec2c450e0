import json

import pytest

from pipelines.errors import InputError
from serving.repository.publishing import publish, scratch_folder
from serving.rollout.pusher import BLESSING, push


def candidate_in(scratch, error):
    folder = scratch / "version"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(str(error))
    (folder / "variables").mkdir()
    for name in ("variables.index", "variables.data-00000-of-00001"):
        (folder / "variables" / name).touch()
    return folder


def error_of(version):
    return None if version is None else float((version / "saved_model.pb").read_text())


def compared(candidate, baseline):
    """Results and failures of a candidate whose error may be a twentieth above that of the baseline."""
    error, least = error_of(candidate), error_of(baseline)
    worse = least is not None and error > 1.05 * least
    return {"error": error, "baseline": least}, [f"{error} after {least}"] if worse else []


def overtaken(base, error, baselines):
    """An evaluation during which somebody else publishes a version, once; it notes its baselines."""

    def evaluate(candidate, baseline):
        if not baselines:
            with scratch_folder(base) as other:
                publish(candidate_in(other, error), base)
        baselines.append(error_of(baseline))
        return compared(candidate, baseline)

    return evaluate


def test_a_version_that_is_pushed_meanwhile_is_the_baseline(tmp_path):
    """.104 is good enough beside .1, and not beside .05, which somebody pushes during the evaluation."""
    with scratch_folder(tmp_path) as scratch:
        push(candidate_in(scratch, 0.1), tmp_path, compared)
    baselines = []
    with (
        scratch_folder(tmp_path) as scratch,
        pytest.raises(InputError, match=r"not pushed: 0\.104 after 0\.05"),
    ):
        push(candidate_in(scratch, 0.104), tmp_path, overtaken(tmp_path, 0.05, baselines))
    assert baselines == [0.1, 0.05]
    assert error_of(max(path for path in tmp_path.iterdir() if path.name.isdecimal())) == 0.05


def test_two_first_versions(tmp_path):
    """The second is compared with the first, though neither was there when it began."""
    baselines = []
    with scratch_folder(tmp_path) as scratch:
        version = push(candidate_in(scratch, 0.1), tmp_path, overtaken(tmp_path, 0.1, baselines))
    assert baselines == [None, 0.1]
    assert json.loads((version / BLESSING).read_text())["baseline"] == 0.1


def test_the_baseline_may_be_written_with_zeros(tmp_path):
    with scratch_folder(tmp_path) as scratch:
        candidate_in(scratch, 0.1).rename(tmp_path / "00000007")
    found = []

    def evaluate(candidate, baseline):
        found.append(baseline)
        return {}, []

    with scratch_folder(tmp_path) as scratch:
        push(candidate_in(scratch, 0.1), tmp_path, evaluate)
    assert found == [tmp_path / "00000007"]

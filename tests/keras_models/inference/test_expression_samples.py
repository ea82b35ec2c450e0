from importlib.metadata import version

import pytest

import pipelines.library_versions
from keras_models.expression.mirror_net import mirror_net
from keras_models.inference.estimators import ESTIMATORS, get_estimator
from keras_models.inference.expression_samples import method_key
from keras_models.presets import Preset, save_preset
from pipelines.errors import InputError


def test_features_of_other_weights_have_another_key(tmp_path):
    keys = [method_key("dis_fast"), method_key("dis_medium"), method_key("default")]
    for name in ("a", "b"):
        save_preset(tmp_path / name, mirror_net(), Preset({"name": "mirror_net"}))
        keys.append(method_key(str(tmp_path / name)))
    assert len(set(keys)) == len(keys)
    assert method_key(str(tmp_path / "a")) == keys[3]


@pytest.mark.parametrize("method", ["dis_fast", "default"])
@pytest.mark.parametrize("library", ["tensorflow", "opencv-contrib-python"])
def test_features_of_another_version_of_a_library_have_another_key(method, library, monkeypatch):
    before = method_key(method)
    monkeypatch.setattr(
        pipelines.library_versions, "version", lambda name: "99" if name == library else version(name)
    )
    assert method_key(method) != before


def test_a_classifier_is_no_method_of_flow(tmp_path):
    save_preset(tmp_path / "run", mirror_net(), Preset({"name": "mirror_net"}))
    assert "expression" not in ESTIMATORS
    with pytest.raises(InputError, match="holds a classifier of expressions, not a flow network"):
        get_estimator(str(tmp_path / "run"))

import pytest

from keras_models.flow.flow_networks import build_network
from keras_models.presets import Preset, save_preset
from keras_models.training.nan_guard import BAD_BATCH
from keras_models.training.run_folder import backup_folder, claim, finish, is_finished, remove_if_empty
from pipelines.errors import InputError

RECIPE = {"seed": 0, "augmentation": {"elastic_amplitude": 6.0}, "data": "pairs"}


@pytest.fixture(scope="module")
def network():
    return build_network("flownet_s", width=0.0625)


def test_a_run_from_its_claim_to_its_end(tmp_path, network):
    out = tmp_path / "run"
    for _ in range(2):  # interrupted, and called again
        with claim(out, RECIPE):
            pass
    with (
        pytest.raises(InputError, match=r"interrupted run with other settings or data \(seed\)"),
        claim(out, RECIPE | {"seed": 1}),
    ):
        pass
    with claim(out, RECIPE | {"data": "/home/me/pairs"}):  # the same folder, whose digest is the same
        pass
    save_preset(out, network, Preset({"name": "flownet_s"}, RECIPE))
    assert not is_finished(out, RECIPE)
    finish(out)
    assert not backup_folder(out).exists()
    assert is_finished(out, RECIPE)
    assert is_finished(out, RECIPE | {"data": "../pairs"})
    assert not is_finished(out, RECIPE | {"data_digest": "another"})
    assert not is_finished(out, RECIPE | {"seed": 1})
    with (
        pytest.raises(InputError, match=r"training run with other settings already \(seed\)"),
        claim(out, RECIPE | {"seed": 1}),
    ):
        pass


def test_one_training_at_a_time(tmp_path):
    """The second leaves the folder of the first alone."""
    with claim(tmp_path / "run", RECIPE):
        with (
            pytest.raises(InputError, match="run: another training is writing into it"),
            claim(tmp_path / "run", RECIPE),
        ):
            pass
        assert (backup_folder(tmp_path / "run") / "recipe.json").exists()
    with claim(tmp_path / "run", RECIPE):
        pass


def test_only_a_run_without_results_is_removed(tmp_path, network):
    for name in ("nothing", "batch", "preset"):
        with claim(tmp_path / name, RECIPE):
            pass
    (tmp_path / "batch" / BAD_BATCH).touch()
    save_preset(tmp_path / "preset", network, Preset({"name": "flownet_s"}))
    for name in ("nothing", "batch", "preset"):
        remove_if_empty(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batch", "preset"]


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises((InputError, OSError)), claim(tmp_path / "run", RECIPE):
        pass

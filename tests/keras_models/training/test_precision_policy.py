import keras
import pytest

from keras_models.training import precision_policy as module
from keras_models.training.precision_policy import precision_policy


@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ("flags : fpu sse avx2 avx512f avx512_bf16", "mixed_bfloat16"),
        ("flags : fpu sse amx_bf16 amx_tile", "mixed_bfloat16"),
        ("flags : fpu sse avx2 avx512f", "float32"),
    ],
)
def test_bfloat16_on_a_cpu_that_has_it(tmp_path, monkeypatch, flags, policy):
    (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(module, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(module.tf.config, "list_physical_devices", lambda kind: [])
    with precision_policy("auto") as name:
        assert name == policy
        assert keras.mixed_precision.global_policy().name == policy
    assert keras.mixed_precision.global_policy().name == "float32"


def test_float16_on_a_gpu(monkeypatch):
    monkeypatch.setattr(module.tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    with precision_policy("auto") as name:
        assert name == "mixed_float16"


def test_the_policy_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), precision_policy("mixed_bfloat16"):
        1 / 0  # noqa: B018
    assert keras.mixed_precision.global_policy().name == "float32"

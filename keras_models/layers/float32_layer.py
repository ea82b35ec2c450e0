"""Base class of layers that compute in float32 under every mixed-precision policy."""

import keras


class Float32Layer(keras.layers.Layer):
    """Layer whose inputs are not cast: sub-pixel motion needs more digits than float16 and bfloat16 have."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def get_config(self) -> dict:  # noqa: D102
        config = super().get_config()
        del config["dtype"]
        return config

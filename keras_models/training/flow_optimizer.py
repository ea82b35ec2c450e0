"""The optimizer of flow training."""

import keras


@keras.saving.register_keras_serializable("faceflow")
class FlowAdamW(keras.optimizers.AdamW):
    """AdamW without weight decay of biases, also after it was saved and loaded.

    Takes the arguments of `keras.optimizers.AdamW`, whose own list of variables without weight decay is not
    part of its configuration.

    Examples:
        >>> config = FlowAdamW(1e-4, weight_decay=1e-4).get_config()
        >>> FlowAdamW.from_config(config).weight_decay
        0.0001
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.exclude_from_weight_decay(var_names=["bias"])

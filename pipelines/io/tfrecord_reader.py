"""Records: TFRecord shards of frame pairs with their landmarks, read in a graph; `shards` writes them.

Labels are not stored unless they were asked for, but built from the landmarks while reading (`inputs`), so
that the method can change without a rebuild, and geometric augmentation can move the landmarks before they
become a label. A dense flow is stored where it is known.
"""

import tensorflow as tf


def parse(serialised: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parse one record, in a graph.

    Returns:
        `subject`, `clip` (string), `numbers` (int64 [2]), `frame1`, `frame2` (uint8 [H, W, 3]),
        `landmarks1`, `landmarks2` (float32 [N, 2]), `flow` (float32 [H, W, 2]), `valid` and `occluded` (bool
        [H, W]); flow and validity have no rows where the record has no dense flow, and occlusion has none: it
        is not recorded.
    """
    text = tf.io.FixedLenFeature([], tf.string)
    optional = tf.io.FixedLenFeature([], tf.string, default_value="")
    example = tf.io.parse_single_example(
        serialised,
        {
            "subject": text,
            "clip": text,
            "numbers": tf.io.FixedLenFeature([2], tf.int64),
            "frame1": text,
            "frame2": text,
            "landmarks1": text,
            "landmarks2": text,
            "flow": optional,
            "valid": optional,
        },
    )
    for frame in ("frame1", "frame2"):
        example[frame] = tf.io.decode_png(example[frame], channels=3)
    for points in ("landmarks1", "landmarks2"):
        example[points] = tf.reshape(tf.io.decode_raw(example[points], tf.float32), [-1, 2])
    width = tf.shape(example["frame1"])[1]
    example["flow"] = tf.reshape(tf.io.decode_raw(example["flow"], tf.float32), [-1, width, 2])
    example["valid"] = tf.reshape(tf.io.decode_raw(example["valid"], tf.uint8), [-1, width]) > 0
    example["occluded"] = tf.zeros((0, width), tf.bool)
    return example

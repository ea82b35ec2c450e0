"""Decoding of image files inside the graph, with rotation by their EXIF orientation.

TensorFlow's decoders ignore the orientation, so an upright photo from a phone comes out on its side. This
module reads the tag with core TensorFlow operations, which any server can run. In Python,
`serving.runtime.image_headers` reads the same bytes.
"""

import tensorflow as tf

from serving.runtime.image_headers import EXIF_MARKS, EXIF_SEARCH

_ORIENTATION_TAG = 0x112
_MAX_ENTRIES = 512  # in the directory that holds the tag; cameras write about 15


def decode_images(files: tf.Tensor) -> tf.Tensor:
    """Decode JPEG and PNG files.

    Args:
        files: Contents of the files, string [B]. After rotation, all images have one size.

    Returns:
        Images, uint8 [B, H, W, 3], RGB.
    """
    return tf.map_fn(_decode, files, fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8))


def _decode(file: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_image(file, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, 3])
    return _turn(image, exif_orientation(file))


def _turn(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Apply an orientation: transposition first (5 to 8), then the flips that remain."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    image = tf.cond(upside_down, lambda: tf.reverse(image, [0]), lambda: image)
    return tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)


def exif_orientation(file: tf.Tensor) -> tf.Tensor:
    """Return the orientation that the EXIF block of a file states; 1 without one.

    Args:
        file: Content of the file, string scalar.

    Returns:
        Orientation, int32 scalar, 1 to 8.
    """
    length = tf.minimum(tf.strings.length(file), EXIF_SEARCH)
    data = tf.cast(tf.io.decode_raw(tf.strings.substr(file, 0, length), tf.uint8), tf.int32)
    # Padded with zeros, so that offsets beyond the block read zeros.
    data = tf.concat([data, tf.zeros([_MAX_ENTRIES * 12 + 16], tf.int32)], 0)
    found = tf.constant(1)
    for mark in EXIF_MARKS:
        for tiff, little in ((b"II*\0", True), (b"MM\0*", False)):
            start = _find(data, mark + tiff)
            value = _tag(data, start + len(mark), little)
            found = tf.where((found == 1) & (start >= 0), value, found)
    return found


def _find(data: tf.Tensor, pattern: bytes) -> tf.Tensor:
    """Return the first index of a pattern, or -1."""
    count = tf.size(data) - len(pattern) + 1
    hits = tf.fill([count], True)
    for offset, byte in enumerate(pattern):
        hits &= data[offset : offset + count] == byte
    return tf.cond(
        tf.reduce_any(hits), lambda: tf.argmax(hits, output_type=tf.int32), lambda: tf.constant(-1)
    )


def _tag(data: tf.Tensor, start: tf.Tensor, little: bool) -> tf.Tensor:
    """Return the orientation in the first directory of a TIFF block that begins at `start`."""
    last = tf.size(data) - 1

    def number(position: tf.Tensor, size: int) -> tf.Tensor:
        """Read unsigned numbers of `size` bytes; an offset of more than 31 bits is beyond the file anyway."""
        order = range(size) if little else reversed(range(size))
        parts = [
            tf.gather(data, tf.clip_by_value(position + where, 0, last)) * (1 << 8 * power)
            for power, where in enumerate(order)
        ]
        return tf.add_n(parts)

    directory = start + tf.clip_by_value(number(start + 4, 4), 0, last)
    count = tf.minimum(number(directory, 2), _MAX_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    values = tf.boolean_mask(number(entries + 8, 2), number(entries, 2) == _ORIENTATION_TAG)
    value = tf.concat([values, [1]], 0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)

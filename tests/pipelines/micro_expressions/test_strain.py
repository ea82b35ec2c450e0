import numpy as np
import pytest

from pipelines.micro_expressions.strain import optical_strain

Y, X = np.mgrid[:9, :12].astype(np.float32)


def strain(u, v):
    return optical_strain(np.stack(np.broadcast_arrays(u, v), -1)[None].astype(np.float32)).numpy()[0]


@pytest.mark.parametrize(
    ("u", "v", "expected"),
    [
        (3 + 0 * X, -1 + 0 * X, 0.0),  # a translation
        (-0.01 * Y, 0.01 * X, 0.0),  # a small rotation
        (0.3 * X, 0 * X, 0.3),  # stretched along x
        (0 * X, -0.2 * Y, 0.2),  # squeezed along y
        (0.4 * Y, 0 * X, 0.4 / np.sqrt(2)),  # sheared
        (0.3 * X + 0.1 * Y, 0.5 * X - 0.4 * Y, np.sqrt(0.09 + 0.16 + 0.6**2 / 2)),
    ],
)
def test_affine_fields(u, v, expected):
    np.testing.assert_allclose(strain(u, v), np.full(X.shape, expected), atol=1e-6)


def test_a_field_with_bends_in_it_also_at_the_border():
    u, v = 0.01 * X**2 + 0.02 * X * Y, 0.03 * np.sin(X) - 0.01 * Y**2
    (uy, ux), (vy, vx) = np.gradient(u), np.gradient(v)
    np.testing.assert_allclose(strain(u, v), np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2), rtol=1e-4)

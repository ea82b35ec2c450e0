import numpy as np

from pipelines.labels.variational_solver import solve_correction


def test_the_solution_is_that_of_the_linear_system():
    """Without discontinuities the system is linear; NumPy solves it directly."""
    rng = np.random.default_rng(0)
    height, width, prior, smoothness = 6, 7, 0.3, 2.0
    gradient, residual = rng.normal(size=(height, width, 2)), rng.normal(size=(height, width))
    flow, initial = rng.normal(size=(2, height, width, 2))
    gx, gy = gradient[..., 0], gradient[..., 1]
    tensor = np.stack([gx * gx, gx * gy, gy * gy, gx * residual, gy * residual], axis=-1)

    # Minimise sum (r + g.d)^2 + prior |f + d - initial|^2 + smoothness |D (f + d)|^2 over m = f + d.
    count = height * width
    index = np.arange(count).reshape(height, width)
    laplacian = np.zeros((count, count))
    edges = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    for a, b in ((a.ravel(), b.ravel()) for a, b in edges):
        np.add.at(laplacian, (a, a), 1)
        np.add.at(laplacian, (b, b), 1)
        np.add.at(laplacian, (a, b), -1)
        np.add.at(laplacian, (b, a), -1)
    system = np.kron(np.eye(2), smoothness * laplacian + prior * np.eye(count))
    g = gradient.reshape(count, 2)
    for i in range(2):
        for j in range(2):
            block = (slice(i * count, (i + 1) * count), slice(j * count, (j + 1) * count))
            system[block] += np.diag(g[:, i] * g[:, j])
    data = g * ((g * flow.reshape(count, 2)).sum(axis=1) - residual.ravel())[:, None]
    right = (prior * initial.reshape(count, 2) + data).T.ravel()
    expected = np.linalg.solve(system, right).reshape(2, height, width).transpose(1, 2, 0) - flow

    floats = (np.float32(array) for array in (tensor, flow, initial))
    single = np.float32(prior), np.float32(smoothness), np.float32(1e12)
    solved = solve_correction(*floats, *single, 400)
    np.testing.assert_allclose(solved, expected, atol=2e-3)


def test_smoothness_falls_across_a_discontinuity():
    """With a small threshold a step in the flow survives that a large threshold smooths away."""
    step = np.zeros((8, 8, 2), np.float32)
    step[:, 4:, 0] = 1
    tensor, prior, smoothness = np.zeros((8, 8, 5), np.float32), np.float32(0.1), np.float32(1)

    def height_of_step(threshold):
        moved = step + solve_correction(tensor, step, step, prior, smoothness, np.float32(threshold), 200)
        return float((moved[:, 4, 0] - moved[:, 3, 0]).mean())

    assert height_of_step(1e-6) > 0.9
    assert height_of_step(1e6) < 0.4

"""The Frechet distance between two sets of features (Heusel et al. 2017, eq. 6), without a matrix square root.

d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)). A distance on features of another network than Inception-v3
is not an FID: name it by its network, and give N, the resize and the extractor's hash beside it. It is biased upwards
for small N: compare only at one N.
"""

import numpy as np

from keras_i2i.metrics import checks


def frechet_distance(x, y):
    """The squared Frechet distance of two feature sets `(N, D)` and `(M, D)`: >= 0, in squared units of the features.

    With A and B the centred sets over sqrt(N - 1) and sqrt(M - 1), C1 = A'A and C2 = B'B, and the non-zero eigenvalues
    of C1 C2 are the squared singular values of A B'. So tr((C1 C2)^(1/2)) is the sum of these singular values: exact
    also where N < D and both covariances are singular, which is where a general matrix square root breaks down. It
    warns there, as the value is biased.

    Raises:
        ValueError: fewer than two samples, other widths, or values that are not finite.
    """
    x, y = checks.features("x", x, "y", y, least=2)
    checks.warn_of_bias("The Frechet distance", min(len(x), len(y)), x.shape[1])
    shift = x.mean(0) - y.mean(0)
    a = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    b = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(max(shift @ shift + (a * a).sum() + (b * b).sum() - 2 * overlap, 0))


def gaussian_frechet_distance(mean_1, cov_1, mean_2, cov_2):
    """The squared Frechet distance of two Gaussians from their moments, means `(D,)` and covariances `(D, D)`; >= 0.

    C1^(1/2) C2 C1^(1/2) is symmetric and has the eigenvalues of C1 C2, so two symmetric eigen-decompositions do;
    negative eigenvalues can only be rounding (or a matrix that is no covariance) and count as zero.

    Raises:
        ValueError: shapes that do not match, or values that are not finite.
    """
    mean_1, mean_2 = checks.pairs("mean_1", mean_1, "mean_2", mean_2, axes=1)
    cov_1, cov_2 = checks.pairs("cov_1", cov_1, "cov_2", cov_2, axes=2)
    if cov_1.shape != (len(mean_1), len(mean_1)):
        raise ValueError(f"cov_1 and cov_2 must be (D, D) for means of D = {len(mean_1)}, got {cov_1.shape}.")
    values, vectors = np.linalg.eigh((cov_1 + cov_1.T) / 2)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = root @ cov_2 @ root
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0)).sum()
    shift = mean_1 - mean_2
    return float(max(shift @ shift + np.trace(cov_1) + np.trace(cov_2) - 2 * overlap, 0))

"""How attacks compare samples: nearest neighbour, and linear discriminant analysis.

Axes: sample, number (of a sample's vector), person. A sample may be described as a whole and in
parts, so that there are several vectors of each person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import mean_known, sd_known

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_KNOWN = 0.5  # of the gallery's samples must have a number, or it is not used
_FLAT = 1e-9  # an SD below this part of the size is that of equal numbers
_FAR = 5.0  # SDs at most
_COMPONENTS = 60  # of the PCA before LDA, at most


class Scale:
    """Vectors in SDs of the gallery; numbers that the gallery lacks or that never vary left out."""

    def __init__(self, gallery: Floats, standardise: bool = True) -> None:
        self._used = np.isfinite(gallery).mean(axis=0) >= _KNOWN
        known = gallery[:, self._used]
        self._mean, sd = mean_known(known), sd_known(known)
        varies = sd > _FLAT * np.maximum(1.0, np.abs(self._mean))
        self._used[self._used] = varies
        self._mean = self._mean[varies]
        self._sd = sd[varies] if standardise else np.ones(int(varies.sum()))
        self._far = _FAR if standardise else np.inf

    @property
    def n(self) -> int:
        """How many numbers are used."""
        return int(self._used.sum())

    def __call__(self, vectors: Floats) -> Floats:
        """vectors (sample, number) -> (sample, used number); what is not known is at the mean."""
        scaled = (vectors[:, self._used] - self._mean) / self._sd
        found: Floats = np.where(np.isfinite(scaled), scaled, 0.0).clip(-self._far, self._far)
        return found


def repeatable(parts: Sequence[Floats], persons: Numbers) -> Floats:
    """Parts of each sample (part, number) -> how well each number (number,) tells persons apart.

    From 0 to 1: of the variance of a person's mean over parts, the share that is between persons.
    ICC(1, k) of Shrout & Fleiss, "Intraclass correlations", Psychological Bulletin 86, 1979. Ones
    where nobody has two parts.
    """
    groups = [
        np.concatenate([p for p, owner in zip(parts, persons, strict=True) if owner == person])
        for person in np.unique(persons)
    ]
    several = [group for group in groups if len(group) > 1]
    if len(several) < 2:
        return np.ones(parts[0].shape[1])
    within = np.mean([group.var(axis=0, ddof=1) / len(group) for group in several], axis=0)
    spread = np.stack([group.mean(axis=0) for group in several]).var(axis=0, ddof=1)
    share = 1 - np.divide(within, spread, out=np.ones_like(within), where=spread > 0)
    found: Floats = share.clip(0.0, 1.0)
    return found if found.any() else np.ones_like(found)


def nearest(gallery: Floats, persons: Numbers, probes: Floats) -> Floats:
    """gallery (sample, number), probes (probe, number) -> (probe, person), by Euclidean distance.

    A person is as near as the nearest of its samples. Normalised in each probe, so that all pairs
    are on one scale (T-norm: Auckenthaler, Carey & Lloyd-Thomas, Digital Signal Processing 10,
    2000).
    """
    square = (probes**2).sum(axis=1)[:, None] + (gallery**2).sum(axis=1) - 2 * probes @ gallery.T
    return normalised(best(-np.sqrt(np.maximum(square, 0.0)), persons))


def best(alike: Floats, persons: Numbers) -> Floats:
    """alike (probe, sample) -> (probe, person): a person's best sample counts."""
    found = np.full((len(alike), int(persons.max()) + 1), -np.inf)
    for sample, person in enumerate(persons.tolist()):
        found[:, person] = np.maximum(found[:, person], alike[:, sample])
    return found


def normalised(scores: Floats) -> Floats:
    """scores (probe, person) -> mean 0 and SD 1 in each probe; zeros where all are equal."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    flat = spread <= _FLAT * np.maximum(1.0, np.abs(scores).max(axis=1, keepdims=True))
    found: Floats = np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
    return found


def discriminant(
    gallery: Sequence[Floats], persons: Numbers, probes: Floats, seed: int
) -> Floats | None:
    """Parts of each gallery sample (part, number), probes (probe, number) -> (probe, person).

    PCA to at most 60 numbers, then linear discriminant analysis with equal priors: the log
    posterior, but for a constant, of normal classes of one covariance. That is the parts' around
    their person's mean, shrunk as Ledoit & Wolf do (Journal of Multivariate Analysis 88, 2004).
    None where there are not two persons, or nobody has two parts.
    """
    from sklearn.covariance import ledoit_wolf
    from sklearn.decomposition import PCA

    owner = np.repeat(persons, [len(parts) for parts in gallery])
    vectors = np.concatenate(list(gallery))
    n_persons = int(persons.max()) + 1
    if n_persons < 2 or len(owner) <= n_persons or not vectors.shape[1]:
        return None
    size = min(_COMPONENTS, vectors.shape[1], len(vectors) - 1)
    pca = PCA(size, svd_solver="full", random_state=seed).fit(vectors)
    known, asked = pca.transform(vectors), pca.transform(probes)
    counts = np.bincount(owner, minlength=n_persons)[:, None]
    means = np.zeros((n_persons, size))
    np.add.at(means, owner, known)
    means /= np.maximum(counts, 1)
    within = ledoit_wolf(known - means[owner], assume_centered=True)[0]
    weights = np.linalg.lstsq(within, means.T, rcond=None)[0]  # (number, person)
    found = asked @ weights - 0.5 * (means.T * weights).sum(axis=0)
    return normalised(found)


@dataclass(frozen=True)
class Cut:
    """Samples as whole vectors (sample, number) and as parts of each (part, number)."""

    whole: Floats
    parts: tuple[Floats, ...]

    @classmethod
    def of(cls, described: Sequence[Floats]) -> Cut:
        """Of descriptions (1 + part, number); a sample too short to be cut is its only part."""
        return cls(
            np.stack([each[0] for each in described]),
            tuple(each[1:] if len(each) > 1 else each for each in described),
        )

    def each(self, change: Callable[[Floats], Floats]) -> Cut:
        """The same with every vector changed."""
        return Cut(change(self.whole), tuple(change(part) for part in self.parts))


def both(gallery: Cut, persons: Numbers, probes: Cut, seed: int) -> dict[str, Floats]:
    """ "nearest", and "LDA" where somebody's samples have parts: {matcher: (probe, person)}."""
    found = {"nearest": nearest(gallery.whole, persons, probes.whole)}
    lda = discriminant(gallery.parts, persons, probes.whole, seed)
    return found if lda is None else found | {"LDA": lda}

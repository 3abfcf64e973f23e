"""Segments of high and of low relevance in two pictures by t-SNE: ExpADA's Fig. 4, and numbers.

Liao et al., AAAI 2026: of each recording the fifth of the segments that the network finds most
relevant, and the fifth that it finds least relevant, coloured by severity band. Segments of one
person lie together whatever the band is, and t-SNE shows clusters where there are few, so two
numbers stand beside each picture, both computed before t-SNE: the silhouette of the bands, and how
often the nearest segment of another person is of the same band, against what chance would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import figure_style as style
from deptool import plugins, runs
from deptool.asked import Floats
from deptool.asked_segments import SegmentNetworks
from deptool.asked_sequence import SequenceNetworks
from deptool.corpus import Corpus
from deptool.errors import DataError, UsageError
from deptool.scales import SCALES
from deptool.schema import PREDICTIONS
from deptool.settings import resolve
from deptool.spans import RANKED, on_units, top
from deptool.tables import read_table, write_json, write_text

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

SETS = ("high", "low")
_MOST = 1500  # segments of a set: more of them take minutes
_FEWEST = 8
_DIMENSIONS = 50  # of principal components that t-SNE sees, as van der Maaten and Hinton 2008
_SIGNS = ("o", "s", "^", "D", "v")

OnRead = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """One set: n segments; silhouette of the bands; same, chance: of other persons' nearest."""

    relevance: str
    n: int
    silhouette: float | None
    same: float | None
    chance: float | None


@dataclass(frozen=True)
class Clouds:
    """table: recording_id, subject_id, band, relevance, start_s, end_s, x, y. The rest in words."""

    table: pl.DataFrame
    pictures: tuple[Picture, ...]
    scale: str
    track: str
    vectors: str
    member: str
    n_recordings: int
    synthetic: bool


def clouds(
    corpus: Corpus,
    run_root: Path,
    device: str = "cpu",
    on_read: OnRead = lambda _done, _of: None,
    seed: int = 0,
) -> Clouds:
    """High and low segments of the dev and test recordings of a run's first member.

    One member, because two of them have no space in common. Raises InputError where there is no
    finished run, UsageError where its model says nothing of times, DataError where the corpus is
    not the run's, or too few of its recordings can be read.
    """
    import polars as pl

    from deptool.asked import nothing_to_ask
    from deptool.networks import find_device
    from deptool.predict import check_features
    from deptool.prepare import Plan

    runs.open_run(run_root)
    header, members = runs.read_model(run_root)
    module = plugins.load("models", header["model"])
    if not hasattr(module, "build"):
        raise nothing_to_ask(header["model"], run_root)
    recordings = corpus.recordings()
    check_features(corpus, recordings, header)
    settings = resolve(module.Settings, header["settings"], where=f"model of {run_root.name}")
    plan = Plan(module, settings, header["columns"], find_device(device), header.get("streams"))
    member = header["members"][0]
    names = _held(run_root, member)
    chosen = recordings.filter(pl.col("recording_id").is_in(names))
    labels = corpus.labels().filter(pl.col("scale") == header["scale"])
    chosen = chosen.join(labels.select("session_id", "score"), on="session_id", how="inner")
    rows, vectors = [], []
    track = words = ""
    for done, one in enumerate(chosen.sort("recording_id").iter_slices(1), start=1):
        on_read(done, len(chosen))
        asked: Any
        try:
            kind = SequenceNetworks if hasattr(module, "streams") else SegmentNetworks
            asked = kind(corpus, one, plan, members[:1])
        except DataError:
            continue  # it cannot be read, as in training
        track, words, found, values, start, end = _pieces(asked)
        for relevance, sign in (("high", 1), ("low", -1)):
            for k in top(sign * values):
                about = one.row(0, named=True)
                band = SCALES[header["scale"]].band(about["score"])
                person = about["subject_id"] or about["recording_id"]
                key = (about["recording_id"], person, band, relevance)
                rows.append((*key, float(start[k]), float(end[k])))
                vectors.append(found[k])
    kinds = [pl.String] * 4 + [pl.Float64] * 2
    columns = ("recording_id", "subject_id", "band", "relevance", "start_s", "end_s")
    table = pl.DataFrame(rows, schema=dict(zip(columns, kinds, strict=True)), orient="row")
    return _placed(
        table,
        np.array(vectors),
        Clouds(
            *(table, (), header["scale"], track, words),
            f"seed {member['seed']}, fold {member['fold']}",
            *(table["recording_id"].n_unique() if rows else 0, corpus.synthetic),
        ),
        seed,
    )


def _held(run_root: Path, member: dict[str, Any]) -> list[str]:
    """The recordings of a member's dev and test parts."""
    import polars as pl

    names = ["recording_id", "split", "seed", "fold"]
    rows = read_table(run_root / "predictions.parquet", PREDICTIONS, names).filter(
        (pl.col("seed") == member["seed"])
        & (pl.col("fold") == member["fold"])
        & pl.col("split").is_in(["dev", "test"])
    )
    return list(rows["recording_id"])


def _pieces(asked: Any) -> tuple[str, str, Floats, Floats, Floats, Floats]:
    """Track and vectors in words; vectors (piece, number), relevance, start and end (piece,)."""
    if isinstance(asked, SequenceNetworks) and hasattr(asked.networks[0], "representations"):
        return ("relevance, all scales", "the network's representations", *_represented(asked))
    tracks = asked.tracks()
    by_kind = tracks.partition_by("kind", "name", maintain_order=True)
    ranking = [rows for kind in RANKED for rows in by_kind if rows["kind"][0] == kind]
    if not ranking:
        raise UsageError("the network ranks no times itself, so there is no high and no low")
    rows = ranking[0]
    name = f"{rows['kind'][0]}, {rows['name'][0]}"
    values = on_units(rows, asked.units)
    found = np.stack(list(_means(asked)))
    return (
        name,
        "means of what the network reads",
        found,
        values,
        asked.units.start,
        asked.units.end,
    )


def _represented(asked: SequenceNetworks) -> tuple[Floats, Floats, Floats, Floats]:
    import torch

    parts = []
    for start, end in asked.data.spans(asked.series.seconds):
        batch = asked.data.batch([asked.data.cut(asked.series, start, end)])
        with torch.no_grad():
            network: Any = asked.networks[0]
            found = network.representations(batch.values, batch.valid)
        there = found.selected.usable[0]
        columns = (found.selected.features[0], found.selected.sdr[0], found.start, found.end)
        vectors, sdr, first, last = (each[there].double().cpu().numpy() for each in columns)
        parts.append((vectors, sdr, first + start, last + start))
    vectors, sdr, first, last = (np.concatenate(each) for each in zip(*parts, strict=True))
    return vectors, sdr, first, last


def _means(asked: Any) -> Iterator[Floats]:
    """Of each unit the mean of what is measured in it: (number,)."""
    if isinstance(asked, SegmentNetworks):
        yield from asked.values.mean(dim=1).double().cpu().numpy()
        return
    for start, end in zip(asked.units.start, asked.units.end, strict=True):
        found = []
        for name, shape in asked.data.shapes.items():
            some = slice(round(start * shape.hz), round(end * shape.hz))
            valid = asked.series.valid[name][some]
            values = asked.series.values[name][some][valid].astype(np.float64)
            found.append(values.mean(0) if len(values) else np.zeros(shape.dimension))
        yield np.concatenate(found)


def _placed(table: pl.DataFrame, vectors: Floats, found: Clouds, seed: int) -> Clouds:
    """Each set on a plane of its own, with its numbers."""
    from dataclasses import replace

    import polars as pl

    generator = np.random.default_rng(seed)
    tables, pictures = [], []
    for relevance in SETS:
        rows = np.flatnonzero((table["relevance"] == relevance).to_numpy())
        if len(rows) < _FEWEST:
            raise DataError(
                f"only {len(rows)} segments of {relevance} relevance can be read from dev and test"
                f" recordings with a score; a picture needs {_FEWEST}",
                fix="Take the run's own corpus, with more or longer recordings in dev and test.",
            )
        if len(rows) > _MOST:
            rows = np.sort(generator.choice(rows, _MOST, replace=False))
        some = table[rows]
        x = _reduced(vectors[rows])
        place = _tsne(x, seed)
        tables.append(some.with_columns(x=pl.Series(place[:, 0]), y=pl.Series(place[:, 1])))
        pictures.append(_picture(relevance, x, list(some["band"]), list(some["subject_id"])))
    return replace(found, table=pl.concat(tables), pictures=tuple(pictures))


def _reduced(vectors: Floats) -> Floats:
    """Numbers in SDs, and their first principal components."""
    from sklearn.decomposition import PCA

    sd = vectors.std(0)
    kept = sd > 1e-9
    scaled = (vectors[:, kept] - vectors[:, kept].mean(0)) / sd[kept]
    count = min(_DIMENSIONS, *scaled.shape)
    found: Floats = PCA(count, svd_solver="full").fit_transform(scaled)
    return found


def _tsne(x: Floats, seed: int) -> Floats:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(x) - 1) / 3)
    init = "pca" if x.shape[1] >= 2 else "random"
    found: Floats = TSNE(perplexity=perplexity, init=init, random_state=seed).fit_transform(x)
    return found


def _picture(relevance: str, x: Floats, band: list[str], person: list[str]) -> Picture:
    from sklearn.metrics import silhouette_score

    bands, persons = np.array(band), np.array(person)
    silhouette = None
    if 2 <= len(set(band)) < len(band):
        silhouette = float(silhouette_score(x, bands))
    other = persons[:, None] != persons[None]
    alike = bands[:, None] == bands[None]
    has = other.any(1)
    if not has.any():
        return Picture(relevance, len(x), silhouette, None, None)
    square = np.square(x).sum(1)
    apart = square[:, None] + square[None] - 2 * x @ x.T
    nearest = np.where(other, apart, np.inf).argmin(1)
    same = alike[np.arange(len(x)), nearest][has].mean()
    chance = ((alike & other).sum(1)[has] / other.sum(1)[has]).mean()
    return Picture(relevance, len(x), silhouette, float(same), float(chance))


def write(found: Clouds, folder: Path) -> None:
    """tsne.csv, .svg, .pdf and .png, and tsne.json with the numbers beside the pictures."""
    from dataclasses import asdict

    from deptool.drawing import save

    write_text(folder / "tsne.csv", found.table.write_csv())
    save(draw(found), folder, "tsne")
    about = {k: v for k, v in asdict(found).items() if k != "table"}
    write_json(folder / "tsne.json", about)


def draw(found: Clouds) -> Figure:
    """Two panels, high and low, coloured by band, each with its numbers as its title."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    order = [name for _, name in SCALES[found.scale].bands]
    with mpl.rc_context(style.PAPER):
        figure = Figure(figsize=(7.2, 3.6))
        figure.subplots_adjust(left=0.02, right=0.98, bottom=0.08, top=0.8, wspace=0.05)
        for axes, picture in zip(figure.subplots(1, 2), found.pictures, strict=True):
            mine = found.table.filter(found.table["relevance"] == picture.relevance)
            for k, band in enumerate(order):
                some = mine.filter(mine["band"] == band)
                look: dict[str, Any] = {"color": style.paper(style.CURVES[k % 4])}
                look |= {"marker": _SIGNS[k % 5], "alpha": 0.6 if k < 4 else 1}
                if len(some):
                    style.paper_points(axes, some["x"], some["y"], band, **look)
            axes.set(xticks=[], yticks=[], title=_title(picture))
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4)
        words = f"t-SNE of {found.vectors}; {found.track}"
        figure.suptitle(f"synthetic data; {words}" if found.synthetic else words, fontsize=7)
    return figure


def _title(picture: Picture) -> str:
    words = [f"{picture.relevance} relevance, {picture.n} segments"]
    if picture.silhouette is not None:
        words.append(f"silhouette of bands {picture.silhouette:.2f}")
    if picture.same is not None and picture.chance is not None:
        words.append(
            f"nearest of another person: same band {100 * picture.same:.0f} %,"
            f" by chance {100 * picture.chance:.0f} %"
        )
    return "\n".join(words)

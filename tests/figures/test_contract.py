"""What every figure must keep, whatever it shows."""

import json

import plotly.graph_objects as go
import polars as pl
import pytest
from matplotlib.figure import Figure

from deptool import plugins
from deptool.drawing import drawings
from deptool.figure_data import of_runs
from deptool.figure_style import PALETTE
from fixtures.runs import make_run

KINDS = {
    "five seeds of three folds": {"seeds": 5, "folds": 3},
    "one recording": {"n": 1, "seeds": 1},
    "two recordings": {"n": 2, "seeds": 1},
    "constant predictions": {"slope": 0.0},
    "no subjects": {"subjects": False},
    "yes or no": {"scale": "binary"},
    "another scale": {"scale": "PHQ-8", "n": 5},
    "no history": {"epochs": 0},
    "odd names": {"prefix": "<b>$x_1$ & é"},
}
# What may be missing, and of what; everything else must be drawn of everything.
MISSING = {
    ("one recording", "qq"),
    ("one recording", "roc"),
    ("two recordings", "qq"),
    ("no subjects", "persons"),
    ("no history", "history"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    root = make_run(tmp_path_factory.mktemp("runs") / "run", **KINDS[request.param])
    (data,) = of_runs(root, ())
    return request.param, drawings(data)


@pytest.fixture(params=plugins.names("figures"))
def drawing(request, kind):
    name, found = kind
    (drawing,) = [d for d in found if d.name == request.param]
    assert (drawing.why is not None) == ((name, drawing.name) in MISSING), drawing.why
    if drawing.why:
        assert drawing.why.endswith(".")
        pytest.skip(drawing.why)
    return drawing


def test_it_says_what_it_is_and_how_to_read_it():
    orders = set()
    for name in plugins.names("figures"):
        module = plugins.load("figures", name)
        assert module.TITLE
        assert module.CAPTION.endswith(".")
        orders.add(module.ORDER)
    assert len(orders) == len(plugins.names("figures"))


def test_its_numbers_are_a_table_without_nan(drawing):
    frame = drawing.frame
    assert len(frame) > 0
    for column in frame.iter_columns():
        assert column.dtype in (pl.String, pl.Float64, pl.Float32, pl.Int32, pl.UInt32)
        if column.dtype.is_float():
            assert not column.is_nan().any(), column.name


def test_both_renderings_work(drawing):
    figure = drawing.paper()
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    for axes in figure.axes:
        assert axes.lines or axes.patches or axes.collections
        assert axes.get_ylabel()
    trace = drawing.trace()
    go.Figure(trace)  # raises ValueError for what Plotly does not know
    json.dumps(trace, allow_nan=False)
    assert trace["data"]
    assert all(axis["title"]["text"] for name, axis in trace["layout"].items() if "axis" in name)


def test_colours_are_names_of_the_palette(drawing):
    for word in json.dumps(drawing.trace()).split('"'):
        assert not word.startswith("#"), word
        if word.startswith("var("):
            assert word.removeprefix("var(--").removesuffix(")") in PALETTE


def test_text_from_data_holds_no_tag(kind):
    name, found = kind
    if name != "odd names":
        pytest.skip("no tag in these names")
    for drawing in found:
        assert "<b>" not in json.dumps(drawing.trace())

"""Figures, one file each: what a run's predictions look like, on paper and on a page.

A figure module has:

- `TITLE`, `CAPTION`: what it shows and how to read it, in a sentence or two; `ORDER`: its place;
- `numbers(data) -> polars.DataFrame`: the numbers behind it, which are all that the two below
  draw; one row at least;
- `draw(figure, frame, data)`: draws them into a matplotlib Figure or SubFigure, on axes that it
  makes itself, without pyplot and without a size of its own;
- `trace(frame, data) -> dict`: the same as a Plotly figure, `data` and `layout`, with colours by
  name (figure_style.py);
- if it cannot be drawn of everything, `missing(data) -> str or None`: why not, in a sentence. The
  others are then not called.

`data` is a FigureData (figure_data.py). Text that comes from data passes `figure_style.safe` on its
way to Plotly, which reads tags. tests/figures/test_contract.py runs over every file here.
"""

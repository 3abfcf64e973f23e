"""Levels of a release, one file each: what is left of a recording's frames table.

A level module has:

- a docstring whose first line says what is left;
- `GROUPS`: the optional groups of the frames table that it keeps;
- `Settings`: a frozen dataclass of numbers and texts with defaults; ValueError for nonsense;
- `steps(settings) -> tuple[Step, ...]`: what it does, in order, in words and with its numbers
  (deptool/reduction.py has `Step`);
- `reduce(table, settings) -> polars.DataFrame`: the frames of one recording, `common` steps
  already taken, to what is released of them. It sees nothing of other recordings, so that whoever
  holds a video can do the same with it: the audit's known-video attack does;
- if what it leaves are other features than those it was given, `FEATURES`: what is appended to the
  name of the corpus's feature set;
- if landmarks are on another scale afterwards, `NORMALISE`: what corpus.json says of it then;
- if its rows lie further apart than those it was given, `step_s(settings) -> float`: how far, in s;
- if k-same (deptool/k_same.py) does not hold for what it leaves, `NO_K_SAME`: why not;
- if it also leaves vectors, `vectors(table, settings) -> Embedding`, made of the table that
  `reduce` was given, and `CACHE`, the name of their cache.

tests/levels/test_contract.py runs over every file here.
"""

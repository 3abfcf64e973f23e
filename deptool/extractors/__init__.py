"""Extractors, one file each: pictures with times in, rows of the frames table out.

An extractor module has:

- `FEATURE_SET`: name and version of what it measures, for instance "mediapipe-1";
- `GROUPS`: the optional column groups of the frames table that it fills;
- `LICENCE`, `WEIGHTS`: the licence of its models, and where they come from;
- `require()`: raises MissingExtraError, with the line that installs it, where it cannot run;
- `Extractor()`: a context manager that holds the state of one recording, with
  `measure(picture, time_s) -> dict[str, float | int | str]` for ascending times and a picture
  (row, column, channel) in RGB, and `finish(rows) -> list` for what needs the whole recording.
"""

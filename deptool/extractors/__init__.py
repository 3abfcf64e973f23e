"""Extractors, one file each: pictures with times in, observations out.

An extractor module has:

- `FEATURE_SET`: name and version of what it measures, for instance "mediapipe-1";
- `LICENCE`, `WEIGHTS`: the licence of its models, and where they come from;
- `require()`: raises MissingExtraError, with the line that mends it, where it cannot run; it
  must be quick and import nothing heavy;
- `Extractor()`: a context manager that holds the state of one recording, with
  `look(picture, time_s) -> Observation` for ascending times (s) and pictures (row, column,
  channel) in RGB, and `action_units(observations) -> columns`, called once at the end with the
  observations that hold a face (see `deptool.face.observation`).
"""

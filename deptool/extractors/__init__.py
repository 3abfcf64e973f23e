"""Extractors, one file each: pictures with times in, faces out.

An extractor module has:

- `LICENCE`: of its code and models; `WEIGHTS`: a tuple of `deptool.weights.Weight`, empty where the
  models come with the installation;
- `FACE_PX`, if pictures may be scaled down as long as faces stay this wide (px);
- `BATCH`: how many pictures `see` takes at once at most; 1 for one that follows faces;
- `Settings`: a frozen dataclass of what can be chosen, with defaults (`extract --set key=value`);
- `feature_set(settings) -> str`: name and version of what is measured, for instance "mediapipe-1";
- `require(settings, weights)`: raises MissingExtraError, with the line that mends it, where it
  cannot run: a package, or a file of weights. It must be quick and import nothing heavy;
- `Extractor(settings, weights)`: a context manager that loads the models once for many recordings,
  with

      begin()                                     a new recording: forget every face
      see(pictures, times) -> list[Look]          one Look per picture, ascending times (s)
      measure(faces, width, height) -> Measures   many faces of one recording, or none, at once
      action_units(au) -> columns                 once per recording, in order of time

Pictures are (row, column, channel) in RGB, upright; coordinates are px of the picture that was
given. `weights` is a folder of weights, or None for the places where the libraries keep theirs.
"""

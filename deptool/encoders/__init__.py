"""Encoders, one file each: a recording in, a sequence of vectors with times out.

An encoder module has:

- a docstring whose first line says what its vectors are; `LICENCE`, where its code or models are
  not deptool's own, and `WEIGHTS`: a tuple of `deptool.weights.Weight`, as an extractor has them;
- `SOURCE`: what it reads: "tables" (of the corpus), "video" (faces in it) or "sound";
- `IDENTIFIES`: whether its vectors identify people, as all of pixels and voices do;
- `EXTRA`: the extra of deptool that installs what it needs, or None;
- `VERSION`: counted up whenever the same input and settings give other vectors;
- `Settings`: a frozen dataclass of what can be chosen, with defaults (`embed --set key=value`);
  ValueError for what makes no sense. Every setting changes the vectors; where they are computed,
  and how many at once, is no setting;
- `require(settings, weights)`, where it needs an extra or weights: raises MissingExtraError, with
  the line that mends it, where it cannot run. It must be quick and import nothing heavy.

Of tables:

- `GROUPS`: groups of columns that it takes where a corpus has them;
- `encoding(columns, settings, synthetic) -> Encoding`, where `columns` is group -> names;
- `encode(corpus, recording, encoding) -> Embedding`: one recording, a row of the recordings table
  as a mapping. Raises DataError where it cannot be encoded; the others go on.

Of video and sound:

- `encoding(settings, weights) -> Encoding`: what its vectors are, without loading the models.
  `weights` of an Encoding is the SHA-256 of the file that will be loaded (of several, of all), read
  from the file that is there;
- `Encoder(settings, weights, device)`: a context manager that loads the models once for many
  recordings, in a worker process of its own. `device` is cpu, cuda or mps; an encoder without a
  network takes it and stays on the CPU.

An Encoder of faces has `px`, the side of a crop, and `batch`, how many it takes at once at most,
and

    encode(faces (face, row, column, RGB) uint8) -> vectors (face, number) float32

Crops come from `deptool.crops`, aligned to the canonical face by what no muscle moves, 1 / hop_s a
second; a time without a face is never given. A vector depends on its own face alone. An encoder of
clips has `frames` as well, how many faces make one vector, and `fps`, how many come a second; hop_s
is then the time from one clip to the next, `encode` takes (clip, face, row, column, RGB), and faces
that are missing in a clip are those before them.

An Encoder of sound has `rate` in samples per second, `piece_s` and `margin_s`, and

    encode(wave (sample,) float32) -> vectors (vector, number) float32

where vector k is of the time from k · hop_s of the wave on. Waves are mono, from -1 to 1; they come
from `deptool.sound` in pieces of about `piece_s`, rounded to whole hops, with `margin_s` of what is
heard before and after, and only the vectors of the piece itself are kept. The last piece of a
recording ends with the sound and may be as short as one hop: an encoder that needs more pads it.

In both a vector with a NaN is kept as not valid. `weights` is a folder of weights, or None for the
places where the libraries keep theirs. Pixels and sounds are never written, nor sent to a process.
tests/encoders/test_encoder_contract.py runs over every file here.
"""

"""Models, one file each; the file's name is the model's name. A model file holds its paper.

Every model module has:

- `TITLE`, `DOI`: the paper, or what the model is, and None; the docstring of a paper's model lists
  *Departures from the paper*;
- `NEEDS`, `USES`: groups of columns (landmarks, action_units, head_pose, gaze) that it cannot do
  without, and those that it takes where a corpus has them;
- `Settings`: a frozen dataclass, the paper's values as defaults, ValueError for what makes no
  sense.

Where settings decide what a model cannot do without, it also has `needs(settings) -> groups`, some
of `NEEDS`. `VARIANTS` are settings that its tests try too: mappings of field and value.
`ABLATIONS`, an `ablations.Grid`, is what `deptool ablate` trains.

A network of segments has also:

- in `Settings` what the shared code reads: `frames`, `fps`, `overlap`, `max_missing` (windows.py),
  `batch_size`, `epochs`, `patience` (loop.py);
- `build(settings, *, columns) -> Module`, where `columns` is group -> number of columns. Its
  `forward(**groups)` takes each group as (batch, frame, column of the group), landmarks as x of all
  68 and then y, and gives `score (batch)`. It never sees a label, and a row never sees another row;
- `initialise(model, train_mean)`: what depends on the training labels, once, before training;
- `loss(score (batch), target (batch)) -> scalar`;
- `optimiser(model, settings) -> Optimizer`, its state made of tensors alone; in training `model`
  holds a vector of all numbers for each member, so every number must be treated alike;
- `sample(recording (segment), score (segment), settings, generator) -> order (draw)`: the
  segments of one epoch, as indices, in the order in which batches take them.

It may have `TOGETHER = False`, where torch.func.vmap cannot take it or it draws random numbers: its
members are then trained one after another, with `CPU_THREADS` threads of torch on a CPU. Where a
forward pass weighs landmarks or action units, `maps(model, inputs) -> {(map, target): array}` says
how: see guidance_maps.py.

A network of recordings works on whole recordings, or clips of them, as sequences of vectors: cached
embeddings, and behaviour vectors made of the tables. Its words are those of sequences.py, its
common blocks in sequence_blocks.py. `NEEDS` and `USES` are empty. Its settings have `batch_size`,
`epochs` (of the last phase) and `patience`, and it has:

- `streams(settings) -> {name: Stream}`: what it takes, all of it needed;
- `build(settings, *, streams) -> Module`, where `streams` is name -> Shape. Its
  `forward(values, valid)` takes name -> (clip, step, number) and name -> (clip, step), and gives
  `score (clip)` in points. It never sees a label, a row never sees another, and steps that are not
  valid change nothing. All clips of a batch are padded to the longest;
- `initialise(model, train_mean, moments)`: once, before training; moments is name -> mean and SD
  (number,) over the valid steps of the training recordings;
- `phases(settings) -> (Phase, ...)`, and `begin(model, phase, settings) -> Optimizer`: prepare the
  model for a phase (by its number) and give the optimiser of what it trains. A model that is built
  and not begun is in its last phase;
- `draw(known, phase, settings, generator) -> [[Clip, ...], ...]`: the batches of one epoch; clips
  name the rows of `known`;
- `loss(model, batch, phase, settings) -> scalar`: it calls the model, and knows the labels;
- where it has them, `rate(phase, progress, settings) -> factor` of the learning rate, progress in
  epochs of the phase; `clips(seconds, settings) -> [(start, end), ...]`, the clips of a recording
  whose mean score is its prediction (all of it as one, otherwise); `Settings.clip_norm`, the
  greatest norm of a gradient;
- `SMALL`: settings that make it as small as can be, a mapping of field and value, for its tests;
- `explain(model, values, valid, settings) -> [Track, ...]` for one clip, a batch of one: what it
  can say of its times.

A model of recordings works on one vector for each. It has instead:

- `describe(times, groups, columns, settings) -> dict or None`: times (row,) in s, groups: group ->
  (row, column) with NaN where nothing was measured, columns: group -> names. The features by name,
  the same names for every recording; None where too little was measured. Not needed where `NEEDS`
  and `USES` are empty;
- `fit(x, score, subject, settings, seed) -> dict of arrays`: x (recording, feature) with NaN where
  a feature has no value, score (recording,), subject: who is in each recording, None where that is
  not known. What is learnt stands in the arrays alone;
- `apply(state, x, subject) -> score (recording,)`.

There is one training loop of networks, in loop.py; described.py fits the others.
tests/models/test_contract.py, test_sequence_contract.py and test_recording_contract.py run over
every file here.
"""

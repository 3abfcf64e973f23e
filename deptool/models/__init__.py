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

A network works on segments. It also has:

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
members are then trained one after another, with `CPU_THREADS` threads of torch on a CPU.

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
tests/models/test_contract.py and test_recording_contract.py run over every file here.
"""

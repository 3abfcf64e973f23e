"""Models, one file each; the file's name is the model's name. A model file holds its paper.

A model module has:

- `TITLE`, `DOI`: the paper; its docstring lists *Departures from the paper*;
- `Settings`: a frozen dataclass, the paper's values as defaults, ValueError for what makes no
  sense. All models have what the shared code reads: `frames`, `fps`, `overlap`, `max_missing`
  (windows.py), `batch_size`, `epochs`, `patience` (train.py);
- `build(settings, *, n_au) -> Module`, whose
  `forward(x (batch, frame, landmark), y (batch, frame, landmark), au (batch, frame, n_au))`
  gives `score (batch)`. It never sees a label, and a row never sees another row;
- `initialise(model, train_mean)`: what depends on the training labels, once, before training;
- `loss(score (batch), target (batch)) -> scalar`;
- `optimiser(model, settings) -> Optimizer`, its state made of tensors alone;
- `sample(recording (segment), score (segment), settings, generator) -> order (draw)`: the
  segments of one epoch, as indices, in the order in which batches take them.

It may have `CPU_THREADS`, how many threads torch should train it with on a CPU.

There is one training loop, in train.py. tests/models/test_contract.py runs over every file here.
"""

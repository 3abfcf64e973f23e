"""Attacks of `deptool audit`, one file each: whose recording is this?

Every attack is played the same way. The attacker holds recordings of known persons (the gallery)
and one of an unknown person (the probe), and says how much it is like each person's. An attack
module has:

- a docstring whose first line says what the attacker uses, and which cites its source;
- `MATCHERS`: names of the ways in which it compares, each scored by itself;
- `LOOKS_AT`: what it needs of a table, in words; `COLUMNS`: the names of these, any of which will
  do; `LEAST_ROWS`: in how many rows of a recording, or of half of one. Where nobody has it, that is
  the reason why it was not played;
- `describe(sample) -> numpy array, or None`: what the attacker takes of one sample
  (deptool/identification.py), None where there is too little of it;
- `match(gallery, persons, probes, seed) -> {matcher: (probe, person)}`: gallery and probes as
  `describe` gave them, `persons` (gallery,) numbered from 0; higher is more alike. The same seed
  gives the same numbers; nothing of a probe's person is known here, nor of the other probes. A
  matcher that the samples are too short for is left out;
- if it takes long: `SHUFFLES`, over how many shuffles its control is averaged;
- if probes and gallery are not sessions of a person but one recording twice, once as the attacker
  made it from a video and once as it was released: `SAME_RECORDING = True`, and `WHO` plays it, as
  a sentence begins.

tests/attacks/test_contract.py runs over every file here: attacks find a planted person, find none
in a cohort without identity, and give the same numbers for the same seed.
"""

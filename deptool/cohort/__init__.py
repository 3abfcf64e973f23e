"""The parts of `synth`, a generator of a cohort whose truth is known; one job each.

`settings` what a cohort is; `severity` the scores' distribution; `cues` what severity acts on;
`persons` who is in it; `latent` what is planted in a recording; `events`, `behaviour`, `face` and
`tables` turn that into rows; `streams` is the voice; `oracle` and `truth` say what can be known.
Everything that it makes is synthetic.
"""

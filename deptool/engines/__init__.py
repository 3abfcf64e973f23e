"""Engines, one file each: where the workers of an extraction run.

An engine module has:

- `require()`: raises MissingExtraError, with the line that mends it, where it cannot run;
- `run(jobs, plan, workers, address, on_news)`: an iterator of rows of the recordings table, in any
  order, one for each job. A recording whose worker is lost is tried once more, on another worker;
  if that one is lost too its row says so and the others go on. `on_news(pictures, seconds)` hears
  how much more was read. Closing the iterator ends the workers at once.

A DeptoolError of a worker ends the run; any other error is a bug: its recording's row says
`failed`, the others are finished, and then it is raised.
"""

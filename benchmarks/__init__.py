"""How fast deptool is, as ratios within one run: absolute numbers belong to a machine and a moment.

python -m benchmarks            all of it, some twenty-five minutes; writes docs/benchmarks.md
python -m benchmarks speed      one part, prints only; see PARTS in __main__.py

Each part is a module with `measure() -> Section`.
"""

"""How fast deptool is, as ratios within one run: absolute numbers belong to a machine and a moment.

python -m benchmarks            all of it, some twenty minutes; writes docs/benchmarks.md
python -m benchmarks speed      one part, prints only; also growth, scaling, tables, face_alignment

Each part is a module with `measure() -> Section`.
"""

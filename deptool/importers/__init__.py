"""Importers, one file each: a public corpus' folder of feature files in, deptool's tables out.

There is none yet, and no contract. An importer will look columns up by name, bring the official
split along, and leave out what the source lacks: nothing is invented.
"""

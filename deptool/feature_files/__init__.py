"""Reading feature files: numbers by column name, labels, dialects; the importers share it."""

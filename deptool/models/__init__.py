"""Models, one file each. A model module holds its paper: blocks, settings, loss, recipe."""

"""The files of the player's page: template, style, and the parts of its script."""

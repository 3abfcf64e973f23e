"""Files from strangers: what they may do to whoever reads them."""

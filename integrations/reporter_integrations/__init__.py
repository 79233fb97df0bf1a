"""One file per training framework; each depends on `reporter`, never the other way round."""

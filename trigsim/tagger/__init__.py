"""The H to bb tagger: features, CancelOut, training, pruning, quantisation, model files."""

"""Loss terms as pure functions of tensors: one value a sample, unweighted, written to be minimised."""

"""Seeds of initial weights."""


def shift(seed, by):
    """The seed `by` further on; None, for fresh weights, stays None.

    A method gives each of its networks, and a network each of its layers, its own seed: two layers of one shape would
    begin with equal weights otherwise.
    """
    return None if seed is None else seed + by

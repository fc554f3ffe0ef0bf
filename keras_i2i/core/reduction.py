"""The one place that turns named loss terms into the number a player minimises.

`keras.losses.*` objects divide by the number of replicas, `ops.mean` does not, and gradients are summed over
replicas: mixing them changes the weighting of terms with the number of devices. Methods therefore return plain
terms, per sample or already averaged over the local batch, and only this module scales them.
"""

from keras import ops

from keras_i2i.core import backend


def term_mean(term):
    """Averages a loss term over whatever axes it has; a float32 scalar, whatever precision the networks run in."""
    return ops.mean(ops.cast(term, "float32"))


def weighted_total(player, terms, weights):
    """The scalar that one player minimises on this replica.

    Args:
        player: its name.
        terms: maps a term's name to its mean over the local batch (see `term_mean`).
        weights: maps a term's name to its weight, or "player/term" to its weight for that player, which goes first; a
            term that is not there weighs 1.

    Returns:
        Sum of weight times term, divided by the number of replicas, so that gradients summed over replicas equal
        those of one device with the whole batch.
    """
    total = sum(weights.get(f"{player}/{name}", weights.get(name, 1.0)) * term for name, term in terms.items())
    return total / backend.replica_count()

"""What the configs of several methods check alike."""


def two_domains(method, domains):
    """Raises ValueError unless `domains` are two distinct names."""
    if len(domains) != 2 or len(set(domains)) != 2:
        raise ValueError(f"{method} has two domains with distinct names, got {domains}.")


def several_domains(method, domains):
    """Raises ValueError unless `domains` are two or more distinct names."""
    if len(domains) < 2 or len(set(domains)) != len(domains):
        raise ValueError(f"{method} has two or more domains with distinct names, got {domains}.")


def halvings(size):
    """How often a whole number can be halved."""
    return (size & -size).bit_length() - 1


def halved(name, size, levels):
    """Raises ValueError unless `size` can be halved `levels` times, twice at least; None for as often as it can be."""
    if levels is not None and levels < 2:
        raise ValueError(f"levels must be 2 or more, or None, got {levels}.")
    if size < 4 or size % 2 ** (levels or 2):
        raise ValueError(f"{name} must be a multiple of 2^levels, of 4 at least, got {size} and {levels}.")


def patches(size, strided, scales=1, name="discriminator_strided"):
    """Raises ValueError unless patch discriminators have a patch left of images of `size` pixels a side; `name` is that
    of the setting.
    """
    least = 3 * 2 ** (strided + scales - 1)
    if strided < 1 or size < least:
        raise ValueError(f"{name} must be 1 or more, and image_size {least} or more for it, got {strided} and {size}.")


def decay(name, value):
    """Raises ValueError for a moving average's decay outside of [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), 0 for no moving average, got {value}.")


def gradient_penalty(gamma, norm="none"):
    """Raises ValueError for a weight below 0, or one on the slope of a critic with batch norm, which mixes images."""
    if gamma < 0:
        raise ValueError(f"gradient_penalty must be 0 or more, got {gamma}.")
    if gamma and norm == "batch":
        raise ValueError("Batch norm mixes images, and a gradient penalty is on each of them: choose another norm.")

"""What the configs of several methods check alike."""


def two_domains(method, domains):
    """Raises ValueError unless `domains` are two distinct names."""
    if len(domains) != 2 or len(set(domains)) != 2:
        raise ValueError(f"{method} has two domains with distinct names, got {domains}.")


def several_domains(method, domains):
    """Raises ValueError unless `domains` are two or more distinct names."""
    if len(domains) < 2 or len(set(domains)) != len(domains):
        raise ValueError(f"{method} has two or more domains with distinct names, got {domains}.")


def decay(name, value):
    """Raises ValueError for a moving average's decay outside of [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), 0 for no moving average, got {value}.")

"""What a run was made with, for its record."""

import importlib.metadata
import os
import pathlib
import platform

import keras


def versions():
    """Versions of what a run's numbers depend on, by name."""
    backend = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax"}[keras.backend.backend()]
    known = {"python": platform.python_version()}
    for package in ("keras-i2i", "keras", backend, "numpy"):
        try:
            known[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
            known[package] = "unknown"
    return known


def hardware():
    """The processor, how many of its cores this process may use, and NVIDIA's accelerators, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([f"{_processor()}, {cores} cores", *_accelerators()])


def multiplies_int8():
    """Whether the processor multiplies and sums int8 in one instruction; None where the system does not tell."""
    cpu = pathlib.Path("/proc/cpuinfo")
    known = _first(cpu, "flags") or _first(cpu, "Features")
    return known and not {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}.isdisjoint(known.split())


def _processor():
    return _first(pathlib.Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()


def _accelerators():
    cards = sorted(pathlib.Path("/proc/driver/nvidia/gpus").glob("*/information"))
    return [_first(card, "Model") or "a GPU" for card in cards]


def _first(path, key):
    """The value of the first line "key : value" of a file, or None."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), None)

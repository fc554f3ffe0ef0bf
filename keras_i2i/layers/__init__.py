"""Layers that methods share, each built from `keras.ops`."""

"""A server of exported models for development, and a client that talks to it and to TensorFlow Serving."""

from keras_i2i.serving.client import Client, ServingError

__all__ = ["Client", "ServingError"]

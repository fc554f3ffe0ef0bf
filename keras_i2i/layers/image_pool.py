"""A memory of generated images, which shows a discriminator older ones too."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class ImagePool(keras.layers.Layer):
    """Returns, for each image, itself or with probability 1/2 one seen earlier, which it then replaces.

    Shrivastava et al. 2017 (arXiv 1612.07828), as CycleGAN uses it, image by image. The pool fills first. The images
    of a batch are given different places, so that none is lost; of a batch larger than the pool, those beyond its size
    come back as they are. The memory is saved with the model.

    Args:
        size: images kept; 0 returns every image as it came.
        seed: of the choices.
    """

    def __init__(self, size, *, seed=None, **options):
        super().__init__(**{"dtype": "float32", **options})  # pictures are kept as they come
        self.size = size
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if self.size:
            fixed = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
            self.images = self.add_weight(shape=(self.size, *input_shape[1:]), name="images", **fixed)
            self.count = self.add_weight(shape=(), dtype="int32", name="count", **fixed)

    def call(self, inputs, training=False):
        if not self.size or not training:
            return inputs
        inputs = ops.stop_gradient(ops.cast(inputs, self.images.dtype))
        inputs, beyond = inputs[: self.size], inputs[self.size :]
        number = ops.shape(inputs)[0]
        kept, count = ops.convert_to_tensor(self.images), ops.convert_to_tensor(self.count)
        # One place an image, all different: the free ones in turn, and once the pool is full, by chance.
        full = count >= self.size
        drawn = ops.argsort(keras.random.uniform((self.size,), seed=self.generator))[:number]
        free = (count + ops.arange(number, dtype="int32")) % self.size
        place = ops.where(full, ops.cast(drawn, "int32"), free)
        swapped = keras.random.uniform((number, 1, 1, 1), seed=self.generator) < 0.5
        there = ops.take(kept, place, axis=0)
        stored = ops.where(ops.logical_or(swapped, ops.logical_not(full)), inputs, there)
        self.images.assign(ops.scatter_update(kept, ops.expand_dims(place, 1), stored))
        self.count.assign(ops.minimum(count + number, self.size))
        return ops.concatenate([ops.where(ops.logical_and(swapped, full), there, inputs), beyond])

    def forget(self):
        """Empties the memory: the next images fill it anew."""
        if self.size and self.built:
            self.images.assign(ops.zeros_like(self.images))
            self.count.assign(0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "size": self.size, "seed": self.generator.get_config()["seed"]}

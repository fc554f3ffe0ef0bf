"""What a server is given of a model: signatures of images as they come, of any size or encoded, in one graph."""

from keras_i2i.core.signature import Signature

DEFAULT = "serving_default"
FLOAT = "_float"  # ends the names of signatures whose images are in [-1, 1]
ENCODED = "image_bytes"  # REST sends and returns what is called "..._bytes" in base64
PNG_HEADER = 33  # bytes up to the end of what tells the size, depth and kind
MAX_PIXELS = 50_000_000  # of an encoded image, so that a small file does not fill the memory
ANY_SIZE = (None, None, 3)
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def signatures(model):
    """Signatures of a model for a server, by name.

    * All of `model.export_signatures()`, where "images" are uint8 [0, 255]: going in (N, H, W, 3) of any size, which is
      cropped and shrunk as by `core.imaging.fit_to`, coming out (N, size, size, 3); and as they are, with `FLOAT`
      behind their names, those that take or make images.
    * "translate_bytes", and "translate_bytes_to_photo" for each target: `ENCODED` images, JPEG or PNG, to PNG.
    * "sample" and "sample_to_photo", of a method with noise: "images" and, for each of them, "seed" and "samples",
      int32 (N,), to images (N, S, size, size, 3), S the largest of `samples`. Translation i of an image depends on the
      image, its seed and i alone. The noise is `noise_of`'s, not that of `Inference.translate`.
    * "style" and "style_to_photo", of a method with styles: "images" and "style", one for each of them, of any size.

    Args:
        model: a `Method`.

    Returns:
        A dict of `core.signature.Signature`.
    """
    import tensorflow as tf

    size, made = model.image_size, {}
    for name, plain in plain_signatures(model).items():
        own = Signature(tf.function(plain.function), plain.inputs)  # traced once, and called by all of what is below
        made[name] = of_pixels(own, size)
        if "images" in own.inputs or _makes_pictures(own):
            made[name + FLOAT] = own
        if (name == DEFAULT or name.startswith("to_")) and list(own.inputs) == ["images"] and _makes_pictures(own):
            suffix = "" if name == DEFAULT else f"_{name}"
            made["translate_bytes" + suffix] = Signature(_encoding(own, size), {ENCODED: ((), "string")})
    if getattr(model, "noise_shape", None) is not None:
        ways = {"": model.targets[-1], **{f"_to_{target}": target for target in model.targets}}
        for suffix, target in ways.items():
            made[f"sample{suffix}"] = _sampling(model, target)
            if model.has_styles:
                made[f"style{suffix}"] = _styling(model, target)
    return made


def plain_signatures(model, any_size=False):
    """`model.export_signatures()`, all of them as `core.signature.Signature`.

    Args:
        model: a `Method`.
        any_size: leave the height and width of its images free, where it says nothing else of a signature.

    Raises:
        ValueError: it makes nothing by default, as of a discriminator alone.
    """
    images = {"images": (ANY_SIZE if any_size else (model.image_size, model.image_size, 3), "float32")}
    given = model.export_signatures()
    if DEFAULT not in given:
        raise ValueError(
            f"{type(model).__name__} has nothing to export: it neither translates nor makes images (its"
            f" export_signatures() has no {DEFAULT!r})."
        )
    return {name: own if isinstance(own, Signature) else Signature(own, images) for name, own in given.items()}


def of_pixels(own, size=None):
    """A signature whose images are uint8, going in and coming out.

    Args:
        own: a `core.signature.Signature` of images in [-1, 1].
        size: of the model, to which images of any size are fitted; None to take those of its size alone.
    """

    def pixels(images):
        return from_pixels(images) if size is None else fitted(images, size)

    def function(*tensors):
        given = zip(own.inputs, tensors, strict=True)
        result = own.function(*(pixels(x) if key == "images" else x for key, x in given))
        return in_pixels(result) if is_picture(result) else result

    kinds = own.inputs.items()
    return Signature(function, {k: (ANY_SIZE if size else v[0], "uint8") if k == "images" else v for k, v in kinds})


def noise_of(seed, samples, shape):
    """The noise of a server's translations: N(0, 1), (N, S, *shape), S the largest of `samples`.

    Args:
        seed, samples: int32 tensors (N,).
        shape: of one translation's noise.
    """
    import tensorflow as tf

    count, most = tf.shape(seed)[0], tf.maximum(tf.reduce_max(samples), 1)
    each = tf.reshape(tf.stack(tf.meshgrid(seed, tf.range(most), indexing="ij"), axis=-1), (-1, 2))
    drawn = tf.map_fn(lambda pair: tf.random.stateless_normal(shape, pair), each, fn_output_signature=tf.float32)
    return tf.reshape(drawn, tf.concat([[count, most], tf.constant(shape, tf.int32)], axis=0))


def fitted(pixels, size):
    """Uint8 images (N, H, W, 3) as the model takes them: float32 [-1, 1] (N, size, size, 3).

    The graph's form of `core.imaging.to_model` and `fit_to`. Smaller images are refused when it runs.
    """
    import tensorflow as tf

    height, width = tf.shape(pixels)[1], tf.shape(pixels)[2]
    side = tf.minimum(height, width)
    wanted = f"The model takes images of {size}x{size} pixels or larger ones, of height and width:"
    tf.debugging.Assert(side >= size, [wanted, height, width])
    top, left = (height - side) // 2, (width - side) // 2
    scaled = from_pixels(pixels[:, top : top + side, left : left + side])

    def shrunk():
        resized = tf.image.resize(scaled, (size, size), method="lanczos3", antialias=True)
        return tf.clip_by_value(resized, -1.0, 1.0)

    images = tf.cond(side > size, shrunk, lambda: scaled)
    return tf.ensure_shape(images, (None, size, size, 3))


def decoded(content):
    """One JPEG or PNG file, a scalar string, as uint8 (H, W, 3): as `ki.data.read_image`, but for its EXIF orientation.

    Other files, and those of more than `MAX_PIXELS`, are refused when it runs, before they are decoded.
    """
    import tensorflow as tf

    is_png, is_jpeg = (tf.equal(tf.strings.substr(content, 0, len(start)), start) for start in (PNG, JPEG))
    is_png &= tf.strings.length(content) > PNG_HEADER

    def png_area():
        sides = tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.int32, little_endian=False)
        return tf.reduce_prod(tf.cast(sides, tf.float32))

    def jpeg_area():
        return tf.reduce_prod(tf.cast(tf.io.extract_jpeg_shape(content)[:2], tf.float32))

    def composited():
        pixels = tf.cast(tf.io.decode_png(content, channels=4), tf.float32)
        opacity = pixels[..., 3:] / 255.0
        return tf.cast(tf.round(pixels[..., :3] * opacity + 255.0 * (1.0 - opacity)), tf.uint8)  # on white

    def from_png():
        # Of grey of 1, 2 and 4 bits the decoder adds an opacity of that depth, e.g. of 1.
        depth_and_kind = tf.io.decode_raw(tf.strings.substr(content, 24, 2), tf.uint8)
        coarse_grey = (depth_and_kind[0] < 8) & (depth_and_kind[1] == 0)
        return tf.cond(coarse_grey, lambda: tf.io.decode_png(content, channels=3), composited)

    def from_jpeg():
        return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")

    known = tf.debugging.Assert(is_png | is_jpeg, ["Images are JPEG or PNG files: this one is neither, or cut off."])
    with tf.control_dependencies([known]):
        area = tf.cond(is_png, png_area, jpeg_area)
    small = tf.debugging.Assert(area <= MAX_PIXELS, [f"Images have at most {MAX_PIXELS} pixels, this one", area])
    with tf.control_dependencies([small]):
        return tf.cond(is_png, from_png, from_jpeg)


def from_pixels(pixels):
    """Uint8 images as float32 in [-1, 1]."""
    import tensorflow as tf

    return tf.cast(pixels, tf.float32) * (2.0 / 255.0) - 1.0


def in_pixels(images):
    """Float32 images in [-1, 1] as uint8, by the rule of `core.imaging`."""
    import tensorflow as tf

    return tf.cast(tf.round((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5), tf.uint8)


def is_picture(tensor):
    """Whether a signature's result is images, (N, H, W, 3) or (N, S, H, W, 3)."""
    return len(tensor.shape) in (4, 5) and tensor.shape[-1] == 3


def _makes_pictures(own):
    """Whether the function of a signature, a `tf.function`, makes images."""
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *shape), dtype) for shape, dtype in own.inputs.values()]
    return is_picture(own.function.get_concrete_function(*specs).structured_outputs)


def _encoding(own, size):
    import tensorflow as tf

    def function(contents):
        spec = tf.TensorSpec((size, size, 3), tf.float32)
        images = tf.map_fn(
            lambda one: fitted(decoded(one)[None], size)[0], contents, parallel_iterations=2, fn_output_signature=spec
        )
        return tf.io.encode_png(in_pixels(own.function(images)))

    return function


def _sampling(model, target):
    import tensorflow as tf

    size = model.image_size

    def function(pixels, seed, samples):
        noise = noise_of(seed, samples, model.noise_shape)
        most = tf.shape(noise)[1]
        images = tf.repeat(fitted(pixels, size), most, axis=0)
        made = model.translate_tensor(images, target, tf.reshape(noise, (-1, *model.noise_shape)))
        return tf.reshape(in_pixels(made), (-1, most, size, size, 3))

    each = ((), "int32")
    return Signature(function, {"images": (ANY_SIZE, "uint8"), "seed": each, "samples": each})


def _styling(model, target):
    size = model.image_size

    def function(pixels, style):
        noise = model.style_tensor(fitted(style, size), target)
        return in_pixels(model.translate_tensor(fitted(pixels, size), target, noise))

    return Signature(function, {"images": (ANY_SIZE, "uint8"), "style": (ANY_SIZE, "uint8")})

"""The wire format of Protocol Buffers, as far as SceneNet RGB-D's file of instances needs it, without their library."""

import pathlib


def instances(path):
    """What the instances are that a SceneNet RGB-D protobuf knows (see `scenenet.proto` of its toolbox).

    Returns:
        dict: render path of a trajectory, e.g. "0/223" -> number of an instance -> its WordNet id, 8 digits, or "" for
        the background.

    Raises:
        FileNotFoundError, ValueError: no such file, or one of another kind.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}: check the path.")
    known = {}
    try:
        for number, trajectory in fields(memoryview(path.read_bytes())):
            if number != 1:
                raise ValueError(f"field {number} is no trajectory")
            scene, words = "", {}
            for number, value in fields(trajectory):
                if number == 2:
                    instance = dict(fields(value))
                    words[instance.get(1, 0)] = _text(instance.get(2, b"")).zfill(8) if instance.get(2) else ""
                elif number == 4:
                    scene = _text(value)
            known[scene] = words
    except (ValueError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is no protobuf of SceneNet RGB-D ({error}): download it again.") from None
    return known


def fields(message):
    """Yields `(number, value)` of each field of a message: an int, or a memoryview for what has a length.

    Raises:
        ValueError: the bytes end within a field, or are no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(message):
            raise ValueError("it ends within a field")
        yield key >> 3, value


def _varint(message, at):
    value = shift = 0
    while at < len(message):
        value |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 128:
            return value, at
    raise ValueError("it ends within a field")


def _text(value):
    if isinstance(value, int):
        raise ValueError("a number where text should be")
    return bytes(value).decode("utf-8")

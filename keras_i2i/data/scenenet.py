"""SceneNet RGB-D's file of instances, a protobuf, as far as it is needed (see `scenenet.proto` of its toolbox)."""

import functools
import pathlib

TEXT, WHOLE, MESSAGE = 9, 5, 11  # types of fields, as FieldDescriptorProto numbers them
# message -> (field, its number, its type, its message), of which those of messages are repeated.
MESSAGES = {
    "Instance": (("instance_id", 1, WHOLE, None), ("semantic_wordnet_id", 2, TEXT, None)),
    "Trajectory": (("instances", 2, MESSAGE, "Instance"), ("render_path", 4, TEXT, None)),
    "Trajectories": (("trajectories", 1, MESSAGE, "Trajectory"),),
}


def instances(path):
    """What the instances are that a SceneNet RGB-D protobuf knows.

    Returns:
        dict: render path of a trajectory, e.g. "0/223" -> number of an instance -> its WordNet id, 8 digits, or "" for
        the background.

    Raises:
        FileNotFoundError, ValueError: no such file, or one of another kind.
    """
    from google.protobuf.message import DecodeError

    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}: check the path.")
    try:
        read = _trajectories().FromString(path.read_bytes()).trajectories
    except DecodeError:
        read = ()
    if not read:
        raise ValueError(f"{str(path)!r} is no protobuf of SceneNet RGB-D: download it again.")
    return {one.render_path: {own.instance_id: _word(own) for own in one.instances} for one in read}


def _word(instance):
    return instance.semantic_wordnet_id.zfill(8) if instance.semantic_wordnet_id else ""


@functools.cache
def _trajectories():
    """The class of the file's message."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="keras_i2i/scenenet.proto", package="scenenet", syntax="proto3")
    for message, fields in MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, number, kind, of in fields:
            field = made.field.add(name=name, number=number, type=kind, label=3 if of else 1)
            if of:
                field.type_name = f".scenenet.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("scenenet.Trajectories"))

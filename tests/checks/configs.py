"""Round trips of configurations."""

import inspect
import json

import keras


def check_config(cls, init):
    """`get_config` is JSON, holds every argument, and rebuilds the part."""
    part = cls(**init)
    config = part.get_config()
    again = cls.from_config(json.loads(json.dumps(config)))
    assert json.loads(json.dumps(again.get_config())) == json.loads(
        json.dumps(config)
    )
    for name, value in init.items():
        if isinstance(config[name], (bool, int, float, str, type(None))):
            assert config[name] == value, name
    own = set(inspect.signature(cls.__init__).parameters)
    assert own - {"self", "kwargs", "dtype"} <= set(config)
    serialized = json.loads(
        json.dumps(keras.saving.serialize_keras_object(part))
    )
    assert serialized["registered_name"] == f"keras_tricks>{cls.__name__}"
    assert type(keras.saving.deserialize_keras_object(serialized)) is cls

"""Optimizers around optimizers, for `model.compile`."""

__all__: list[str] = []

"""JAX's part of `keras_tricks._backend`."""

from keras_tricks._backend._assigned import add_in_place
from keras_tricks._backend._assigned import divide_by_agreement
from keras_tricks._backend._assigned import store_product
from keras_tricks._backend._assigned import zero_in_place
from keras_tricks._backend._fused import in_pieces
from keras_tricks._backend._fused import scramble
from keras_tricks._backend._fused import select
from keras_tricks._backend.jax.derivatives import PREFERS_SECOND_CALL
from keras_tricks._backend.jax.derivatives import gradient_norm
from keras_tricks._backend.jax.derivatives import input_gradient
from keras_tricks._backend.jax.derivatives import linearized
from keras_tricks._backend.jax.derivatives import uncompiled
from keras_tricks._backend.jax.host import call_on_host
from keras_tricks._backend.jax.host import frechet_distance
from keras_tricks._backend.jax.replicas import mean_over_replicas
from keras_tricks._backend.jax.replicas import sum_over_replicas
from keras_tricks._backend.jax.replicas import whole_batch
from keras_tricks._backend.jax.steps import apply_gradients
from keras_tricks._backend.jax.steps import run_step
from keras_tricks._backend.jax.steps import train_step_by_tasks
from keras_tricks._backend.jax.steps import value_and_gradients
from keras_tricks._backend.jax.storage import dense
from keras_tricks._backend.jax.storage import value_now

__all__ = [
    "PREFERS_SECOND_CALL",
    "add_in_place",
    "apply_gradients",
    "call_on_host",
    "dense",
    "divide_by_agreement",
    "frechet_distance",
    "gradient_norm",
    "in_pieces",
    "input_gradient",
    "linearized",
    "mean_over_replicas",
    "run_step",
    "scramble",
    "select",
    "store_product",
    "sum_over_replicas",
    "train_step_by_tasks",
    "uncompiled",
    "value_and_gradients",
    "value_now",
    "whole_batch",
    "zero_in_place",
]

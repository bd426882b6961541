"""Samplers that generate what is allowed, and nothing else."""

from keras_tricks.samplers.trie import Trie

__all__ = ["Trie"]

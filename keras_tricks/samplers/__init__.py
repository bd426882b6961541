"""Samplers that generate what is allowed, and nothing else."""

from keras_tricks.samplers.beam import ConstrainedBeamSampler
from keras_tricks.samplers.best_trie_path import best_trie_path
from keras_tricks.samplers.constrained_sampler import ConstrainedSampler
from keras_tricks.samplers.constraint import Constraint
from keras_tricks.samplers.grammar_constraint import GrammarConstraint
from keras_tricks.samplers.look_ahead_constraint import LookAheadConstraint
from keras_tricks.samplers.passage_constraint import PassageConstraint
from keras_tricks.samplers.token_automaton import TokenAutomaton
from keras_tricks.samplers.trie import Trie
from keras_tricks.samplers.trie_constraint import TrieConstraint

__all__ = [
    "ConstrainedBeamSampler",
    "ConstrainedSampler",
    "Constraint",
    "GrammarConstraint",
    "LookAheadConstraint",
    "PassageConstraint",
    "TokenAutomaton",
    "Trie",
    "TrieConstraint",
    "best_trie_path",
]

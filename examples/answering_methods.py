"""Ways to search for an answer: free, held to a prefix tree, looking ahead."""

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import LookAheadConstraint
from keras_tricks.samplers import TrieConstraint


def searches(trie, vocabulary_size, end_token_id, questions, length):
    """What reads answers, and samplers by name.

    Look-ahead reads the questions of a batch, lists of at most `length` tokens:
    these, until others are assigned.
    """
    constraint = TrieConstraint(trie, vocabulary_size, end_token_id)
    ahead = LookAheadConstraint(
        trie, vocabulary_size, end_token_id, questions, length
    )
    return constraint, {
        "greedy, free": "greedy",
        "greedy": ConstrainedSampler("greedy", constraint),
        "greedy, look-ahead": ConstrainedSampler("greedy", ahead),
        "5 beams": ConstrainedBeamSampler(constraint, 5),
        "5 beams, local": ConstrainedBeamSampler(constraint, 5, "local"),
        "5 beams, look-ahead": ConstrainedBeamSampler(ahead, 5, "local"),
    }

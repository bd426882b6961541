"""Tiny tokenizers that keep words whole, for tests that spell words."""

import keras_hub
import tokenizers

WORDS = (
    "ada bob eve london paris new york times met in was born at the of and "
    "北 京 大 学 在"
).split()


def bert_tokenizer(**kwargs):
    """KerasHub's BERT tokenizer over whole words and `un ##able`."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += [*WORDS, ".", ",", "un", "##able"]
    return keras_hub.models.BertTokenizer(
        vocabulary=vocabulary, lowercase=True, **kwargs
    )


def word_tokenizer(special=True):
    """A `tokenizers.Tokenizer` over the same words."""
    vocabulary = ["[PAD]", "[UNK]", "<s>", "</s>", *WORDS, "."]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(
            {word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"
        )
    )
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if special:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
        )
    return tokenizer
